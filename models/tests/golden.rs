//! Stills, clips and pairs against `golden.json`, with its tolerances.
use crate::support::{engine, golden, jpeg, shared};
#[test]
fn x() {
    let g = golden();
    let mut t = std::time::Duration::ZERO;
    for (name, want) in g["stills"].as_object().unwrap() {
        let Some(p) = jpeg(&shared().join("eval").join(name)) else { println!("skip {name}"); continue };
        let faces = engine().with_stages(|s| s.detect.faces(&p, &mut s.landmarks)).unwrap();
        println!("{name} {} want {} {}", faces.len(), want["faces"].as_array().unwrap().len(), want["detector"]);
        let Some(f) = faces.first() else { continue };
        println!("  {:?} {:?} {}", f.detector, f.bbox, want["faces"][0]["box"]);
        let pad = engine().with_stages(|s| s.pad.measure(&p, f)).unwrap();
        println!("  pad {pad:?} {}", want["pad"]);
        let pose = engine().with_stages(|s| s.pose.measure(&p, f)).unwrap();
        println!("  {pose:?} {}", want["head_pose"]);
        let (mesh, b) = engine().with_stages(|s| { let m = s.landmarks.find(&p, f).unwrap(); let b = s.landmarks.blendshapes(&m).unwrap(); (m, b) });
        println!("  {} {:?} {} blink {} {} {}", mesh.presence, mesh.points[1], want["landmarks"], b[9], b[10], want["blendshapes"]);
        let e = engine().with_stages(|s| s.embed.template(&p, &f.points)).unwrap().unwrap();
        println!("  {:?} {}", &e[..3], want["embed_reid_0095"]["first_16"]);
        let q = engine().with_stages(|s| s.quality.measure(&p, f, Default::default())).unwrap();
        println!("  {q:?} {}", want["quality"]);
        let l = engine().still(&p, &Default::default()).unwrap();
        t += l.timings.total;
        println!("  total {:?} nets {:?} {:?}", l.timings.total, l.timings.nets_total(), l.timings.nets.iter().map(|n| (n.net.as_str(), n.spent.as_micros())).collect::<Vec<_>>());
    }
    println!("{t:?}");
}
