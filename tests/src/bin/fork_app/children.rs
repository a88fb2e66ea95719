//! What the children do.
#![allow(
    clippy::needless_pass_by_value,
    reason = "that is what the function of a child looks like"
)]

use std::{
    fs,
    io::{Read as _, Write as _},
    sync::OnceLock,
    thread,
    time::Duration,
};

use aiotools::process::ChildContext;
use nix::{
    sys::signal::{self, SaFlags, SigAction, SigHandler, SigSet, Signal},
    unistd::getpid,
};

/// How many descriptors the program was started with.
pub(crate) static AT_FIRST: OnceLock<usize> = OnceLock::new();

/// None of them outlives the test by much.
fn pause() -> ! {
    thread::sleep(Duration::from_secs(60));
    std::process::exit(77)
}

pub(crate) fn ninety_nine() -> u8 {
    thread::sleep(Duration::from_millis(100));
    99
}

pub(crate) fn code(ctx: ChildContext) -> u8 {
    ctx.ready();
    ctx.arg()[0]
}

pub(crate) fn idle() {
    pause()
}

/// Ends with 101 on SIGINT, which it waits for.
pub(crate) fn interruptible(ctx: ChildContext) -> u8 {
    let interrupt: SigSet = [Signal::SIGINT].into_iter().collect();
    interrupt.thread_block().expect("sigprocmask");
    ctx.ready();
    let signal = interrupt.wait().expect("sigwait");
    assert_eq!(signal, Signal::SIGINT);
    101
}

pub(crate) fn segfault() {
    signal::raise(Signal::SIGSEGV).expect("raise");
    pause()
}

pub(crate) fn dies_early(_: ChildContext) -> u8 {
    44
}

pub(crate) fn killed_early(_: ChildContext) {
    signal::raise(Signal::SIGTERM).expect("raise");
}

pub(crate) fn never_ready(_: ChildContext) {
    pause()
}

pub(crate) fn fails() -> Result<(), String> {
    Err("on purpose".into())
}

pub(crate) fn panics() {
    panic!("on purpose")
}

/// Sends back what it has been given.
pub(crate) fn echo(mut ctx: ChildContext) -> std::io::Result<()> {
    let arg = ctx.take_arg();
    let [input, output] = ctx.take_fds().try_into().expect("two descriptors");
    ctx.ready();
    // Not to the end, which a fork of the one who writes would hold up itself.
    let mut text = [0; 13];
    fs::File::from(input).read_exact(&mut text)?;
    let mut output = fs::File::from(output);
    output.write_all(&arg)?;
    output.write_all(&text)
}

/// Uses tokio, as a child may.
pub(crate) fn with_a_runtime() -> u8 {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        tokio::time::sleep(Duration::from_millis(5)).await;
        let (mut a, mut b) = tokio::net::UnixStream::pair().expect("a pair");
        let writer = tokio::spawn(async move {
            tokio::io::AsyncWriteExt::write_u8(&mut a, 33)
                .await
                .expect("sent");
        });
        let got = tokio::io::AsyncReadExt::read_u8(&mut b).await.expect("got");
        writer.await.expect("no panic");
        got
    })
}

/// Tells what it has of its parent: 1 for blocked signals, 2 for handlers, 4 for descriptors, 8 for INT or TERM
/// ignored.
pub(crate) fn inherited() -> u8 {
    let status = fs::read_to_string("/proc/self/status").expect("status");
    let bits = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key));
        u64::from_str_radix(line.expect("a line").trim(), 16).expect("a number")
    };
    let mut found = 0;
    if bits("SigBlk:") != 0 {
        found |= 1;
    }
    if bits("SigCgt:") != 0 {
        found |= 2;
    }
    if bits("SigIgn:") & (1 << 1 | 1 << 14) != 0 {
        found |= 8;
    }
    // A fork sees what was set before.
    if Some(&open_descriptors(my_pid())) != AT_FIRST.get() {
        found |= 4;
    }
    found
}

extern "C" fn exit_with_55(_: i32) {
    // Of the parent: a child must never run it.
    std::process::abort()
}

/// Handlers in the parent that must not run in a child.
pub(crate) fn poison_the_parent() {
    let action = SigAction::new(
        SigHandler::Handler(exit_with_55),
        SaFlags::empty(),
        SigSet::empty(),
    );
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGUSR1] {
        install(signal, &action);
    }
}

pub(crate) fn ignore(signal: Signal) {
    install(
        signal,
        &SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty()),
    );
}

#[expect(unsafe_code, reason = "sigaction")]
fn install(signal: Signal, action: &SigAction) {
    // SAFETY: the handlers ignore, or abort.
    unsafe { signal::sigaction(signal, action) }.expect("sigaction");
}

/// Is sent signals by a sibling from the first microsecond on.
pub(crate) fn stormy(ctx: ChildContext) -> u8 {
    let both: SigSet = [Signal::SIGINT, Signal::SIGTERM].into_iter().collect();
    both.thread_block().expect("sigprocmask");
    ctx.ready();
    match both.wait().expect("sigwait") {
        Signal::SIGINT => 101,
        _ => 102,
    }
}

/// The children of this process, of whom one thread at least is in `state`.
pub(crate) fn children_of(pid: u32) -> Vec<u32> {
    fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))
        .unwrap_or_default()
        .split_whitespace()
        .map(|pid| pid.parse().expect("a pid"))
        .collect()
}

pub(crate) fn my_pid() -> u32 {
    getpid().as_raw().unsigned_abs()
}

pub(crate) fn open_descriptors(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count)
}
