//! Children that misbehave, die or hang, and the process they come from.

use crate::support::{decoder, decoder_with, eval, eval_bytes, input, spread};
use oz_media::{Coverage, Decoder, Error, Input, Layers, Limits, SelfTest};
use rustix::process::{Pid, Resource, Rlimit, Signal};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Waits for something that another process does.
fn until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "waited in vain: {what}");
        std::thread::yield_now();
    }
}

/// Processes whose parent is this one, dead ones that nobody has collected included.
fn children(of: u32) -> Vec<u32> {
    fs_err::read_dir("/proc")
        .unwrap()
        .filter_map(|e| e.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid: &u32| {
            let stat = fs_err::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            // pid (name) state parent
            stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(1)).is_some_and(|p| p == of.to_string())
        })
        .collect()
}

fn zygote(of: &Decoder) -> u32 {
    of.zygote_pid().expect("it runs")
}

fn kill(pid: u32) {
    rustix::process::kill_process(Pid::from_raw(pid as i32).unwrap(), Signal::KILL).unwrap();
}

fn limits(seconds: u64) -> Limits {
    Limits { decode_time: Duration::from_secs(seconds), ..Limits::default() }
}

/// A decoder with a child that does nothing for as long as it may: its pid, the decoder, and what became of the job.
fn with_busy_child(limits: Limits, then: impl FnOnce(u32, &Decoder)) -> Result<(), Error> {
    let decoder = decoder_with(limits);
    let zygote = zygote(&decoder);
    std::thread::scope(|scope| {
        let job = scope.spawn(|| decoder.misbehave(SelfTest::Spin));
        // Once it computes it has done all that comes before.
        let child = until("a busy child", || {
            children(zygote).into_iter().find(|pid| status(*pid).get("Seccomp").is_some_and(|s| s == "2"))
        });
        then(child, &decoder);
        job.join().unwrap()
    })
}

/// `/proc/<pid>/status`.
fn status(pid: u32) -> BTreeMap<String, String> {
    let text = fs_err::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    text.lines().filter_map(|l| l.split_once(":\t")).map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
}

#[test]
fn everything_that_is_tried_is_refused() {
    // Something that must not be seen in the child: a descriptor that is not closed on exec.
    let leak = rustix::fs::memfd_create("leak", rustix::fs::MemfdFlags::empty()).unwrap();
    let report = decoder_with(Limits::default()).sandbox_report().unwrap();
    drop(leak);
    assert!(report.is_tight(), "{report:?}");
    for call in ["socket", "connect", "open", "openat", "execve", "fork", "clone", "clone3", "ptrace", "io_uring_setup"]
    {
        assert!(report.tried.iter().any(|(name, errno)| name == call && *errno == libc::EPERM), "{call} was not tried");
    }
    // Which layers there are depends on the machine. What is said is checked against the kernel below.
    assert_eq!(
        report.layers.missing().is_empty(),
        report.layers == Layers { landlock: Coverage::Full, network_namespace: true, no_capabilities: true }
    );
    eprintln!("layers on this machine: {:?} {:?}", report.layers, report.layers.missing());
}

/// A machine without Landlock and namespaces: a filter on the starting thread, which its children inherit, refuses both.
#[test]
fn without_landlock_and_namespaces_it_is_tight_and_says_so() {
    let absent =
        [libc::SYS_landlock_create_ruleset, libc::SYS_unshare].map(|call| (call, vec![])).into_iter().collect();
    let arch = std::env::consts::ARCH.try_into().unwrap();
    let (allow, refuse) = (SeccompAction::Allow, SeccompAction::Errno(libc::ENOSYS as u32));
    let filter: BpfProgram = SeccompFilter::new(absent, allow, refuse, arch).unwrap().try_into().unwrap();
    let started = std::thread::spawn(move || {
        seccompiler::apply_filter(&filter).unwrap();
        decoder_with(Limits::default())
    });
    let decoder = started.join().unwrap();
    let report = decoder.sandbox_report().unwrap();
    let bare = Layers { landlock: Coverage::Absent, network_namespace: false, no_capabilities: true };
    assert_eq!(report.layers, bare);
    assert_eq!(report.layers.missing().len(), 2);
    assert!(report.is_tight(), "{report:?}");
    assert!(decoder.clip(&eval("live/variants/vp9.webm"), &spread(2)).is_ok());
}

/// What the kernel says of a child, seen from outside.
#[test]
fn the_kernel_confirms_it() {
    let ended = with_busy_child(limits(8), |child, decoder| {
        let status = status(child);
        assert_eq!((status["Seccomp"].as_str(), status["NoNewPrivs"].as_str()), ("2", "1"));
        assert_eq!(status["Threads"], "1");
        let limits = fs_err::read_to_string(format!("/proc/{child}/limits")).unwrap();
        for (name, value) in [
            ("Max cpu time", 8 + 2),
            ("Max address space", Limits::default().child_memory),
            ("Max file size", Limits::default().output_bytes),
            ("Max core file size", 0),
            ("Max open files", 4),
        ] {
            let line = limits.lines().find(|l| l.starts_with(name)).unwrap();
            let both: Vec<&str> = line[name.len()..].split_whitespace().take(2).collect();
            assert_eq!(both, [value.to_string(), value.to_string()], "{line}");
        }
        assert_eq!(status["CapEff"].trim_start_matches('0'), "");
        // Our claim about the namespace against the kernel's, where we may look (as root).
        let net = |pid: &str| fs_err::read_link(format!("/proc/{pid}/ns/net"));
        if let Ok(theirs) = net(&child.to_string()) {
            let layers = {
                let other = crate::support::decoder_with(Limits::default());
                other.sandbox_report().unwrap().layers
            };
            assert_eq!(theirs != net("self").unwrap(), layers.network_namespace);
        }
        // And the descriptors.
        if let Ok(open) = fs_err::read_dir(format!("/proc/{child}/fd")) {
            let mut open: Vec<String> = open.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
            open.sort();
            assert_eq!(open, ["0", "1", "2"]);
        }
        kill(child);
        assert!(decoder.zygote_pid().is_some());
    });
    assert_eq!(ended, Err(Error::Crashed));
}

#[test]
fn a_child_that_dies_is_a_crash_and_the_next_one_works() {
    let decoder = decoder_with(limits(20));
    let before = zygote(&decoder);
    for how in [SelfTest::Abort, SelfTest::Panic, SelfTest::Gorge, SelfTest::Lie] {
        assert_eq!(decoder.misbehave(how), Err(Error::Crashed), "{how:?}");
        assert!(decoder.probe(&eval("stills/variants/upright.jpg")).is_ok(), "after {how:?}");
    }
    assert_eq!(zygote(&decoder), before, "it need not start anew for that");
    until("no dead children are left", || children(before).is_empty().then_some(()));
}

#[test]
fn a_killed_child_is_a_crash_and_the_next_one_works() {
    let ended = with_busy_child(limits(20), |child, decoder| {
        kill(child);
        assert!(decoder.probe(&eval("stills/variants/upright.jpg")).is_ok());
        until("no dead child is left", || children(zygote(decoder)).is_empty().then_some(()));
    });
    assert_eq!(ended, Err(Error::Crashed));
}

#[test]
fn a_child_that_takes_too_long_is_killed() {
    let start = Instant::now();
    let ended = with_busy_child(limits(1), |child, decoder| {
        until("the child is gone", || (!children(zygote(decoder)).contains(&child)).then_some(()));
        assert!(decoder.probe(&eval("stills/variants/upright.jpg")).is_ok());
    });
    assert_eq!(ended, Err(Error::Timeout));
    assert!((1..15).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
}

#[test]
fn a_zygote_that_dies_is_replaced() {
    let decoder = decoder_with(limits(20));
    let first = zygote(&decoder);
    kill(first);
    assert!(decoder.probe(&eval("stills/variants/upright.jpg")).is_ok());
    assert_ne!(zygote(&decoder), first);

    // Under a job: the job is done again by the next one, and here takes too long a second time.
    let ended = with_busy_child(limits(2), |child, decoder| {
        let zygote = zygote(decoder);
        kill(zygote);
        until("the child goes with it", || status(child).is_empty().then_some(()));
        assert!(decoder.probe(&eval("stills/variants/upright.jpg")).is_ok());
    });
    assert_eq!(ended, Err(Error::Timeout));
}

#[test]
fn a_dropped_decoder_leaves_no_process() {
    let decoder = decoder_with(limits(20));
    let zygote = zygote(&decoder);
    drop(decoder);
    assert!(status(zygote).is_empty(), "the zygote is still there");
}

#[test]
fn what_is_no_decoder_is_not_waited_for() {
    for program in ["/bin/true", "/does/not/exist"] {
        let start = Instant::now();
        let started = Decoder::start(std::path::Path::new(program), &[], Limits::default());
        assert!(matches!(started, Err(Error::Unavailable { .. })), "{program}");
        assert!(start.elapsed() < Duration::from_secs(5), "{program}");
    }
}

/// A descriptor that stayed open with each job would end this at the eighth.
#[test]
fn the_zygote_keeps_no_descriptors() {
    let decoder = decoder_with(limits(20));
    let zygote = Pid::from_raw(zygote(&decoder) as i32);
    let few = Rlimit { current: Some(8), maximum: Some(8) };
    rustix::process::prlimit(zygote, Resource::Nofile, few).unwrap();
    let picture = eval("stills/variants/profile.jpg");
    let before = open_here();
    for _ in 0..40 {
        decoder.picture(&picture).unwrap();
        assert_eq!(decoder.misbehave(SelfTest::Abort), Err(Error::Crashed));
    }
    assert_eq!(decoder.zygote_pid(), zygote.map(|p| p.as_raw_nonzero().get() as u32));
    // Other tests run beside this one, so a few may come and go; eighty would be ours.
    assert!(open_here() < before + 60);
}

fn open_here() -> usize {
    fs_err::read_dir("/proc/self/fd").unwrap().count()
}

#[test]
fn eight_threads_get_what_they_asked_for() {
    let one = decoder_with(Limits { parallel: 3, ..limits(60) });
    let names = [
        "live/variants/vp9.webm",
        "live/variants/h264_10bit.mp4",
        "live/variants/mjpeg.avi",
        "live/variants/mpeg4_part2.mp4",
    ];
    let files: Vec<Input> = names.iter().map(|n| eval(n)).collect();
    let expected: Vec<_> = files.iter().map(|f| one.clip(f, &spread(3)).unwrap()).collect();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (one, files, expected) = (&one, &files, &expected);
            scope.spawn(move || {
                for round in 0..4 {
                    let i = (thread + round) % files.len();
                    let clip = one.clip(&files[i], &spread(3)).unwrap();
                    assert_eq!(clip.facts, expected[i].facts);
                    for (a, b) in clip.frames.iter().zip(&expected[i].frames) {
                        assert!(a.picture.rgb() == b.picture.rgb());
                    }
                    if round == 1 {
                        assert_eq!(one.misbehave(SelfTest::Abort), Err(Error::Crashed));
                    }
                }
            });
        }
    });
}

#[test]
fn inputs_from_descriptors_are_read_from_the_beginning_and_cannot_be_written() {
    use std::io::{Seek as _, Write as _};
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&eval_bytes("stills/variants/upright.jpg")).unwrap();
    file.seek(std::io::SeekFrom::Start(77)).unwrap();
    let ours = Input::from_fd(file.into()).unwrap();
    assert_eq!(decoder().probe(&ours).unwrap().width, 1280);
    let (pipe, _other) = rustix::pipe::pipe().unwrap();
    assert!(matches!(Input::from_fd(pipe), Err(Error::Unavailable { .. })));
    assert!(matches!(decoder().probe(&input(b"")), Err(Error::Undecodable { .. })));
}
