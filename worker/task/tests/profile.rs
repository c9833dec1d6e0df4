//! Samples of threads of this process that compute, and that wait.

#![allow(clippy::unwrap_used, reason = "helpers of tests; a panic is a failed test")]

use std::io::{PipeReader, PipeWriter, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use bobbin_task::profile::{Node, Order, ROOT, Samples, control, enable, run};

static COMPUTES: &str = "computes";
static WAITS: &str = "waits";

/// Spins until it is told to stop.
#[inline(never)]
fn spins(stop: &AtomicBool) -> u64 {
    let mut rounds = 0_u64;
    while !stop.load(Ordering::Relaxed) {
        rounds = std::hint::black_box(rounds + 1);
    }
    rounds
}

#[inline(never)]
fn reads(mut pipe: PipeReader) -> Vec<u8> {
    let mut all = Vec::new();
    pipe.read_to_end(&mut all).unwrap();
    all
}

fn found(samples: &Samples, name: &str) -> u64 {
    samples.tasks.iter().filter(|row| row.name == name).map(|row| row.samples).sum()
}

/// The frames from the outermost to this node.
fn depth(samples: &Samples, node: &Node) -> usize {
    let parents =
        std::iter::successors(Some(node), |node| (node.parent != ROOT).then(|| &samples.nodes[node.parent as usize]));
    parents.count()
}

fn send(mut pipe: PipeWriter) {
    pipe.write_all(b"at last").unwrap();
}

#[test]
fn threads_are_found_where_they_are() {
    assert!(control(Order::Show).unwrap_err().to_string().contains("#[bobbin::main]"));
    enable();
    assert!(!control(Order::Show).unwrap().is_running);
    assert!(control(Order::Start(500)).unwrap().is_running);
    let stop = AtomicBool::new(false);
    let (reader, writer) = std::io::pipe().unwrap();
    let samples = std::thread::scope(|scope| {
        scope.spawn(|| run(&COMPUTES, || spins(&stop)));
        let waiting = scope.spawn(|| run(&WAITS, || reads(reader)));
        let samples = loop {
            let samples = control(Order::Show).unwrap();
            if found(&samples, COMPUTES) >= 20 && found(&samples, WAITS) >= 20 {
                break samples;
            }
            std::thread::yield_now();
        };
        stop.store(true, Ordering::Relaxed);
        send(writer);
        assert_eq!(waiting.join().unwrap(), b"at last", "signals have not disturbed it");
        samples
    });
    assert!(!control(Order::Stop).unwrap().is_running);
    let place = |name: &str| samples.tasks.iter().position(|row| row.name == name).unwrap() as u32;
    let counted = |task: u32| samples.nodes.iter().filter(move |node| node.task == task);
    for row in &samples.tasks {
        assert_eq!(counted(place(&row.name)).map(|node| node.samples).sum::<u64>(), row.samples, "{row:?}");
        assert_eq!(row.wall_ns, row.samples * 2_000_000, "a sample stands for two milliseconds");
        assert!(row.cpu_ns <= row.measured_ns + 1_000_000, "{row:?}");
    }
    // Who spins has its code in this program, and calls nobody.
    let busiest = counted(place(COMPUTES)).max_by_key(|node| node.samples).unwrap();
    let module = &samples.modules[samples.frames[busiest.frame as usize].module as usize];
    assert!(module.is_program && !module.identity.is_empty(), "{module:?}");
    assert!(depth(&samples, busiest) >= 2, "its callers are known");
    // Who waits is somewhere in the C library, and uses no core.
    let waiting = counted(place(WAITS)).max_by_key(|node| node.samples).unwrap();
    let module = &samples.modules[samples.frames[waiting.frame as usize].module as usize];
    assert!(module.path.contains("libc"), "{module:?}");
    assert!(depth(&samples, waiting) >= 4, "its callers are known");
    let row = &samples.tasks[place(WAITS) as usize];
    assert!(row.cpu_ns < row.measured_ns / 2, "{row:?}");
    // Nobody is found any more.
    assert_eq!(control(Order::Take).unwrap().tasks.len(), 2);
    assert_eq!(control(Order::Show).unwrap().tasks, []);
}
