//! The same tensor in, the same numbers out: every net against `same_tensor.json`, which ONNX Runtime wrote from Python.

use crate::support::engine;

#[test]
fn every_net_gives_what_the_reference_gives() {
    let reference: serde_json::Value = serde_json::from_str(include_str!("same_tensor.json")).unwrap();
    let nets = reference["nets"].as_object().unwrap();
    assert_eq!(nets.len(), 9);
    for (name, net) in nets {
        let shape: Vec<usize> = net["shape"].as_array().unwrap().iter().map(|v| v.as_u64().unwrap() as usize).collect();
        let high = net["high"].as_f64().unwrap() as f32;
        let tensor: Vec<f32> =
            (0..shape.iter().product()).map(|i: usize| ((i * 37 + 11) % 251) as f32 / 250.0 * high).collect();
        let outputs = engine().bare(name, &shape, &tensor).unwrap().unwrap().outputs;
        for (found, expected) in outputs.iter().zip(net["outputs"].as_array().unwrap()) {
            let (length, norm) = (expected["length"].as_u64().unwrap() as usize, expected["norm"].as_f64().unwrap());
            assert_eq!(found.len(), length, "{name}");
            // Relative to the output's own size: single values may be next to nothing.
            let size = norm / (length as f64).sqrt();
            let found_norm = found.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
            assert!((found_norm - norm).abs() <= 1e-3 * norm, "{name}: {found_norm} {norm}");
            for (found, expected) in found.iter().zip(expected["first"].as_array().unwrap()) {
                let expected = expected.as_f64().unwrap();
                assert!(
                    (f64::from(*found) - expected).abs() <= 1e-3 * expected.abs().max(size),
                    "{name}: {found} {expected}"
                );
            }
        }
    }
}

#[test]
fn all_sets_of_nets_give_the_same() {
    let tensor: Vec<f32> = (0..3 * 80 * 80).map(|i| (i % 256) as f32).collect();
    let run = || engine().bare("minifas-v2-2.7", &[1, 3, 80, 80], &tensor).unwrap().unwrap().outputs;
    let (a, b) = std::thread::scope(|scope| {
        let (a, b) = (scope.spawn(run), scope.spawn(run));
        (a.join().unwrap(), b.join().unwrap())
    });
    assert!(a[0].iter().zip(&b[0]).all(|(a, b)| (a - b).abs() <= 1e-6), "{a:?} {b:?}");
}
