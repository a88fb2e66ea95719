//! What is checked, by name.

use std::{
    env,
    error::Error,
    fs::File,
    future::Future,
    io::{Read as _, Write as _},
    os::fd::{AsRawFd as _, OwnedFd},
    thread,
    time::{Duration, Instant},
};

use aiotools::{
    ForkServer, Signal, afork,
    process::{Afork, AforkError, ChildProcess, ExitStatus, Sent},
};
use nix::{
    sys::signal::{self, kill},
    unistd::{Pid, Uid, setresuid},
};

use super::children::{self, children_of, my_pid, open_descriptors};

type Outcome = Result<(), Box<dyn Error>>;

/// How children are made and watched in this run.
#[derive(Clone, Copy)]
struct Mode {
    server: Option<ForkServer>,
    portable: bool,
}

impl Mode {
    fn with(self, afork: Afork) -> Afork {
        if self.portable {
            afork.portable()
        } else {
            afork
        }
    }

    /// Starts several children, and goes on in a runtime. Without a fork server they are started before it.
    fn run<F: Future<Output = Outcome>>(
        self,
        aforks: Vec<Afork>,
        then: impl FnOnce(Vec<ChildProcess>) -> F,
    ) -> Outcome {
        let aforks = aforks.into_iter().map(|afork| self.with(afork));
        if self.server.is_some() {
            return runtime().block_on(async {
                // At once.
                let starts = aforks.map(|afork| tokio::spawn(async { afork.await }));
                let mut children = Vec::new();
                for start in starts.collect::<Vec<_>>() {
                    children.push(start.await??);
                }
                then(children).await
            });
        }
        let children = aforks.map(Afork::blocking).collect::<Result<_, _>>()?;
        runtime().block_on(then(children))
    }

    /// Starts one child that is expected not to come to anything.
    fn fail(self, afork: Afork) -> AforkError {
        let afork = self.with(afork);
        let failed = if self.server.is_some() {
            runtime().block_on(async { afork.await })
        } else {
            afork.blocking()
        };
        failed.expect_err("no child")
    }

    /// Who is the parent of the children.
    fn parent(self) -> u32 {
        self.server.map_or_else(my_pid, ForkServer::pid)
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
}

pub(crate) fn run() -> Outcome {
    let args: Vec<String> = env::args().skip(1).collect();
    if args[0] == "marksman" {
        marksman(args[1].parse()?);
    }
    children::AT_FIRST.get_or_init(|| open_descriptors(my_pid()));
    let has = |name: &str| args.iter().any(|arg| arg == name);
    if has("poison") {
        children::poison_the_parent();
    }
    if has("ignore") {
        children::ignore(signal::SIGINT);
        children::ignore(signal::SIGTERM);
    }
    let mode = Mode {
        server: has("server").then(ForkServer::start).transpose()?,
        portable: has("portable"),
    };
    match args[0].as_str() {
        "exit_code" => exit_code(mode),
        "every_code" => every_code(mode),
        "signal" => signal_to_child(mode),
        "segfault" => segfault(mode),
        "many" => many(mode),
        "early" => early(mode),
        "late" => late(mode),
        "results" => results(mode),
        "argument" => argument(mode),
        "tokio_in_child" => tokio_in_child(mode),
        "clean" => clean(mode),
        "waiters" => waiters(mode),
        "taken" => taken(mode),
        "zombies" => zombies(mode),
        "reaped" => reaped(mode),
        "other_user" => other_user(mode),
        "past_runtime" => past_runtime(mode),
        "kill_on_drop" => kill_on_drop(mode),
        "cancelled" => cancelled(mode),
        "leaks" => leaks(mode),
        "storm" => storm(mode),
        "refused" => refused(&args[1]),
        "closure" => closure(),
        "server_dies" => server_dies(mode),
        "owner_dies" => owner_dies(mode),
        "too_much" => too_much(mode),
        other => panic!("no scenario {other}"),
    }
}

/// FRK-01
fn exit_code(mode: Mode) -> Outcome {
    mode.run(vec![afork(children::ninety_nine)], async |children| {
        let child = &children[0];
        assert!(child.pid() > 1 && child.pid() != my_pid());
        assert_eq!(children_of(mode.parent()), [child.pid()]);
        match child.pidfd() {
            Some(fd) => {
                assert!(!mode.portable);
                let info = format!("/proc/self/fdinfo/{}", fd.as_raw_fd());
                let info = std::fs::read_to_string(info)?;
                assert!(info.contains(&format!("Pid:\t{}\n", child.pid())), "{info}");
            }
            None => assert!(mode.portable),
        }
        assert_eq!(child.try_wait()?, None);
        assert_eq!(child.wait().await?, ExitStatus::Code(99));
        assert_eq!(child.try_wait()?, Some(ExitStatus::Code(99)));
        Ok(())
    })
}

fn every_code(mode: Mode) -> Outcome {
    let aforks = (0..=255).map(|code| afork(children::code).arg([code]));
    mode.run(aforks.collect(), async |children| {
        for (code, child) in (0..=255).zip(children) {
            assert_eq!(child.wait().await?, ExitStatus::Code(code));
        }
        Ok(())
    })
}

/// FRK-03
fn signal_to_child(mode: Mode) -> Outcome {
    mode.run(vec![afork(children::interruptible)], async |children| {
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(children[0].send_signal(Signal::INT)?, Sent::Delivered);
        assert_eq!(children[0].wait().await?.code(), Some(101));
        assert_eq!(children[0].send_signal(Signal::INT)?, Sent::AlreadyExited);
        assert_eq!(children[0].kill()?, Sent::AlreadyExited);
        Ok(())
    })
}

/// FRK-04
fn segfault(mode: Mode) -> Outcome {
    mode.run(vec![afork(children::segfault)], async |children| {
        let status = children[0].wait().await?;
        assert_eq!(status.as_i32(), -11);
        assert_eq!((status.signal(), status.code()), (Some(11), None));
        Ok(())
    })
}

/// FRK-05
fn many(mode: Mode) -> Outcome {
    let aforks = (0..32).map(|_| afork(children::interruptible));
    mode.run(aforks.collect(), async |children| {
        for (n, child) in children.iter().enumerate() {
            let signal = if n < 16 { Signal::INT } else { Signal::TERM };
            assert_eq!(child.send_signal(signal)?, Sent::Delivered);
        }
        let mut statuses = Vec::new();
        for child in &children {
            statuses.push(child.wait().await?.as_i32());
        }
        assert_eq!(statuses, [[101; 16], [-15; 16]].concat());
        Ok(())
    })
}

/// Upstream hangs here for ever.
fn early(mode: Mode) -> Outcome {
    let err = if env::args().any(|arg| arg == "by_signal") {
        let err = mode.fail(afork(children::killed_early));
        assert_eq!(err.exit_status().and_then(ExitStatus::signal), Some(15));
        assert!(
            err.to_string().contains("was killed by SIGTERM before"),
            "{err}"
        );
        err
    } else {
        let err = mode.fail(afork(children::dies_early));
        assert_eq!(err.exit_status(), Some(ExitStatus::Code(44)));
        assert!(err.to_string().contains("must call ready()"), "{err}");
        err
    };
    assert!(!err.is_refused() && !err.is_timeout());
    Ok(())
}

fn late(mode: Mode) -> Outcome {
    let before = Instant::now();
    let err = mode.fail(afork(children::never_ready).ready_timeout(Duration::from_millis(50)));
    assert!(err.is_timeout(), "{err}");
    assert!(before.elapsed() >= Duration::from_millis(50));
    until_no_children(mode)
}

fn results(mode: Mode) -> Outcome {
    let aforks = vec![
        afork(children::fails),
        afork(children::panics),
        afork(|| {}),
    ];
    mode.run(aforks, async |children| {
        let mut codes = Vec::new();
        for child in children {
            codes.push(child.wait().await?.code());
        }
        assert_eq!(codes, [Some(1), Some(101), Some(0)]);
        Ok(())
    })
}

fn argument(mode: Mode) -> Outcome {
    let long = "x".repeat(64 * 1024);
    let (input, mut to_child) = pipe()?;
    let (mut from_child, output) = pipe()?;
    let afork = afork(children::echo)
        .arg(long.as_str())
        .fd(input)
        .fd(output);
    mode.run(vec![afork], async |children| {
        let reader = thread::spawn(move || {
            let mut text = String::new();
            from_child.read_to_string(&mut text).map(|_| text)
        });
        to_child.write_all(b"by descriptor")?;
        drop(to_child);
        assert!(children[0].wait().await?.success());
        // It would not end if a copy of the other end were left open anywhere.
        let text = reader.join().expect("no panic")?;
        assert!(text.starts_with(&long) && text.ends_with("by descriptor"));
        Ok(())
    })
}

fn pipe() -> Result<(File, File), Box<dyn Error>> {
    let (read, write) = std::io::pipe()?;
    Ok((
        File::from(OwnedFd::from(read)),
        File::from(OwnedFd::from(write)),
    ))
}

fn too_much(mode: Mode) -> Outcome {
    let err = mode.fail(afork(children::code).arg(vec![0; 64 * 1024 + 1]));
    assert!(err.is_refused(), "{err}");
    let mut many = afork(children::code);
    for _ in 0..251 {
        many = many.fd(File::open("/dev/null")?);
    }
    let err = mode.fail(many);
    assert!(err.is_refused(), "{err}");
    Ok(())
}

fn tokio_in_child(mode: Mode) -> Outcome {
    mode.run(vec![afork(children::with_a_runtime)], async |children| {
        assert_eq!(children[0].wait().await?.code(), Some(33));
        Ok(())
    })
}

/// Nothing of the parent is left in a child: no signal mask, no handler, no descriptor.
fn clean(mode: Mode) -> Outcome {
    let aforks = (0..5).map(|_| afork(children::inherited)).collect();
    mode.run(aforks, async |children| {
        for child in children {
            let code = child.wait().await?.code();
            // Children that the process forks itself have what it has, as forks do.
            let allowed = if mode.server.is_none() { 4 } else { 0 };
            assert_eq!(code.map(|code| code & !allowed), Some(0));
        }
        Ok(())
    })
}

/// From several tasks, again and again, and without those who gave up.
fn waiters(mode: Mode) -> Outcome {
    mode.run(
        vec![afork(children::interruptible)],
        async |mut children| {
            let child = std::sync::Arc::new(children.remove(0));
            for _ in 0..20 {
                let given_up = tokio::time::timeout(Duration::from_millis(1), child.wait());
                assert!(given_up.await.is_err());
            }
            let mut waiters = Vec::new();
            for _ in 0..10 {
                let child = std::sync::Arc::clone(&child);
                waiters.push(tokio::spawn(async move {
                    (child.wait().await, child.wait().await)
                }));
            }
            // And one on a runtime of its own, which is not there for long.
            let elsewhere = std::sync::Arc::clone(&child);
            let elsewhere = thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .expect("a runtime");
                runtime.block_on(elsewhere.wait())
            });
            tokio::time::sleep(Duration::from_millis(20)).await;
            child.send_signal(Signal::INT)?;
            let status = ExitStatus::Code(101);
            for waiter in waiters {
                let (first, again) = waiter.await?;
                assert_eq!((first?, again?), (status, status));
            }
            assert_eq!(elsewhere.join().expect("no panic")?, status);
            Ok(())
        },
    )
}

/// A wait for any child takes the status of a child that the process forked itself.
fn taken(mode: Mode) -> Outcome {
    mode.run(vec![afork(children::idle)], async |children| {
        children[0].kill()?;
        nix::sys::wait::waitpid(Pid::from_raw(-1), None)?;
        let err = children[0].wait().await.expect_err("taken");
        assert!(err.is_taken() && !err.is_fork_server_gone(), "{err}");
        assert_eq!(children[0].send_signal(Signal::TERM)?, Sent::AlreadyExited);
        Ok(())
    })
}

fn until_no_children(mode: Mode) -> Outcome {
    let until = Instant::now() + Duration::from_secs(20);
    while !children_of(mode.parent()).is_empty() {
        assert!(
            Instant::now() < until,
            "{:?} are left",
            children_of(mode.parent())
        );
        thread::sleep(Duration::from_millis(2));
        if mode.server.is_none() {
            // What reaps those that the process has forked itself.
            drop(afork(|| {}).blocking());
        }
    }
    Ok(())
}

/// Nobody waits, and some handles are dropped.
fn zombies(mode: Mode) -> Outcome {
    let aforks = (0..8).map(|n: u8| afork(children::code).arg([n]));
    if mode.server.is_none() {
        let children: Vec<_> = aforks
            .map(|afork| mode.with(afork).blocking())
            .collect::<Result<_, _>>()?;
        drop(children);
        return until_no_children(mode);
    }
    mode.run(aforks.collect(), async |children| {
        until_no_children(mode)?;
        for (n, child) in (0..).zip(children) {
            assert_eq!(child.send_signal(Signal::TERM)?, Sent::AlreadyExited);
            assert_eq!(child.wait().await?, ExitStatus::Code(n));
        }
        Ok(())
    })
}

fn until_zombie(child: u32) {
    let until = Instant::now() + Duration::from_secs(20);
    while !is_zombie(child) {
        assert!(Instant::now() < until, "{child} has not ended");
        thread::sleep(Duration::from_millis(1));
    }
}

fn is_zombie(child: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
    stat.rsplit_once(") ")
        .is_some_and(|(_, rest)| rest.starts_with('Z'))
}

/// Children that the process forked itself, one way to reap them after the other.
fn reaped(mode: Mode) -> Outcome {
    let ended = || -> Result<ChildProcess, Box<dyn Error>> {
        let child = mode.with(afork(children::ninety_nine)).blocking()?;
        until_zombie(child.pid());
        thread::sleep(Duration::from_millis(5));
        assert!(is_zombie(child.pid()), "nothing was done");
        Ok(child)
    };
    let gone = || assert_eq!(children_of(my_pid()), []);

    let child = ended()?;
    assert_eq!(child.try_wait()?, Some(ExitStatus::Code(99)));
    gone();
    let child = ended()?;
    assert_eq!(child.wait_blocking()?, ExitStatus::Code(99));
    gone();
    // It is not told that a zombie got it.
    let child = ended()?;
    assert_eq!(child.send_signal(Signal::TERM)?, Sent::AlreadyExited);
    gone();
    assert_eq!(child.try_wait()?, Some(ExitStatus::Code(99)));
    drop(ended()?);
    gone();

    // Those whose handles are dropped while they run.
    let orphan = || -> Result<u32, Box<dyn Error>> {
        let pid = mode.with(afork(children::idle)).blocking()?.pid();
        kill(Pid::from_raw(pid.cast_signed()), signal::SIGKILL)?;
        until_zombie(pid);
        Ok(pid)
    };
    orphan()?;
    let next = mode.with(afork(children::idle)).blocking()?;
    assert_eq!(children_of(my_pid()), [next.pid()], "by the next fork");
    orphan()?;
    next.kill()?;
    until_zombie(next.pid());
    drop(next);
    gone();
    Ok(())
}

/// In a process that has given up its rights for a while.
fn other_user(mode: Mode) -> Outcome {
    let (nobody, root) = (Uid::from_raw(65_534), Uid::from_raw(0));
    setresuid(nobody, nobody, root)?;
    let err = mode.fail(afork(children::ninety_nine));
    assert!(err.is_refused(), "{err}");
    assert_eq!(err.to_string(), "the fork server belongs to another user");
    assert_eq!(children_of(mode.parent()), []);
    // That has done it no harm.
    setresuid(root, root, root)?;
    exit_code(mode)
}

fn past_runtime(mode: Mode) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(tokio::task::yield_now());
    drop(runtime);
    let child = mode.with(afork(children::ninety_nine)).blocking()?;
    assert_eq!(child.wait_blocking()?, ExitStatus::Code(99));
    Ok(())
}

fn kill_on_drop(mode: Mode) -> Outcome {
    if mode.server.is_none() {
        drop(
            mode.with(afork(children::idle).kill_on_drop(true))
                .blocking()?,
        );
        return until_no_children(mode);
    }
    let aforks = vec![
        afork(children::idle),
        afork(children::idle).kill_on_drop(true),
    ];
    mode.run(aforks, async |mut children| {
        let kept = children.remove(0);
        let pid = kept.pid();
        drop(children);
        let until = Instant::now() + Duration::from_secs(20);
        while children_of(mode.parent()) != [pid] {
            assert!(Instant::now() < until, "not killed");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        // The other way: it goes on, and its pid is all that is left.
        drop(kept);
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(children_of(mode.parent()), [pid]);
        kill(Pid::from_raw(pid.cast_signed()), signal::SIGKILL)?;
        until_no_children(mode)
    })
}

/// Futures that are dropped at every stage leave no child.
fn cancelled(mode: Mode) -> Outcome {
    runtime().block_on(async {
        for n in 0..40 {
            let start = mode.with(afork(children::never_ready)).into_future();
            let given_up = tokio::time::timeout(Duration::from_micros(n * 50), start);
            assert!(given_up.await.is_err());
        }
        until_no_children(mode)
    })
}

/// The descriptors of all processes are as many afterwards as before.
fn leaks(mode: Mode) -> Outcome {
    let server = mode.server.expect("a fork server").pid();
    runtime().block_on(async {
        let mut before = None;
        for n in 0..200 {
            let child = mode.with(afork(children::code).arg([7])).await?;
            if n % 2 == 0 {
                assert_eq!(child.wait().await?.code(), Some(7));
            }
            drop(child);
            let given_up = mode.with(afork(children::dies_early)).await;
            assert!(given_up.is_err());
            if n == 10 || n == 199 {
                until_no_children(mode)?;
                let until = Instant::now() + Duration::from_secs(20);
                loop {
                    let now = (open_descriptors(my_pid()), open_descriptors(server));
                    // The first look may have been too early for some to be closed.
                    let (own, servers) = *before.get_or_insert(now);
                    if now.0 <= own && now.1 <= servers {
                        break;
                    }
                    assert!(Instant::now() < until, "{now:?} after {before:?}");
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            }
        }
        Ok(())
    })
}

/// Signals from the first microsecond on: the child ends by its handler or by the signal, runs no handler of the
/// parent (which would abort), and never hangs.
fn storm(mode: Mode) -> Outcome {
    let server = mode.server.expect("a fork server").pid();
    // Another process sees the children come, and does nothing but signal them.
    let mut marksman = std::process::Command::new("/proc/self/exe")
        .args(["marksman", &server.to_string()])
        .spawn()?;
    let mut ends = std::collections::BTreeMap::<i32, u32>::new();
    let outcome = runtime().block_on(async {
        for _ in 0..300 {
            let status = match mode.with(afork(children::stormy)).await {
                Ok(child) => tokio::time::timeout(Duration::from_secs(20), child.wait()).await??,
                Err(err) => err.exit_status().ok_or(err)?,
            };
            *ends.entry(status.as_i32()).or_default() += 1;
            assert!([101, 102, -2, -15].contains(&status.as_i32()), "{status}");
        }
        Outcome::Ok(())
    });
    marksman.kill()?;
    marksman.wait()?;
    println!("storm {ends:?}");
    assert!(
        ends.keys().any(|end| *end < 0),
        "none was early enough: {ends:?}"
    );
    outcome
}

/// Sends INT and TERM to whatever is a child of `parent`, for ever.
fn marksman(parent: u32) -> ! {
    let mut n = 0_u32;
    loop {
        for child in children_of(parent) {
            let signal = if n.is_multiple_of(2) {
                signal::SIGINT
            } else {
                signal::SIGTERM
            };
            n = n.wrapping_add(1);
            let _ = kill(Pid::from_raw(child.cast_signed()), signal);
        }
    }
}

/// Where tokio's rule would be broken.
fn refused(how: &str) -> Outcome {
    let single = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
    };
    let (err, text) = match how {
        "in_runtime" => (
            single()?.block_on(async { afork(children::ninety_nine).await }),
            "tokio",
        ),
        "in_runtime_blocking" => (
            single()?.block_on(async { afork(children::ninety_nine).blocking() }),
            "tokio",
        ),
        "beside_runtime" => {
            let _runtime = single()?;
            (afork(children::ninety_nine).blocking(), "event loop")
        }
        "thread" => {
            thread::spawn(|| thread::sleep(Duration::from_secs(60)));
            (afork(children::ninety_nine).blocking(), "threads")
        }
        "closure" => {
            // Even with a fork server.
            let captured = Box::new(1);
            ForkServer::start()?;
            let closure = Afork::closure(move |_| *captured);
            (single()?.block_on(async { closure.await }), "tokio")
        }
        "late_fork_server" => {
            let started = single()?.block_on(async { ForkServer::start().map(drop) });
            let err = started.expect_err("refused");
            assert!(
                err.is_refused() && err.to_string().contains("tokio"),
                "{err}"
            );
            (
                single()?.block_on(async { afork(children::ninety_nine).await }),
                "tokio",
            )
        }
        other => panic!("no way {other}"),
    };
    let err = err.expect_err("refused");
    assert!(err.is_refused(), "{err}");
    assert!(err.to_string().contains(text), "{err}");
    assert!(err.to_string().contains("fork_server"), "{err}");
    assert_eq!(
        children_of(my_pid()).len(),
        usize::from(how == "closure"),
        "a child"
    );
    Ok(())
}

fn closure() -> Outcome {
    let text = String::from("captured");
    let child = Afork::closure(move |ctx| {
        assert_eq!(ctx.arg(), b"x");
        ctx.ready();
        u8::try_from(text.len())
    })
    .arg("x")
    .blocking()?;
    assert_eq!(child.wait_blocking()?.code(), Some(8));
    Ok(())
}

fn server_dies(mode: Mode) -> Outcome {
    let server = mode.server.expect("a fork server").pid().cast_signed();
    mode.run(vec![afork(children::idle)], async |children| {
        let waiting = children[0].wait();
        let killing = async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            kill(Pid::from_raw(server), signal::SIGKILL)
        };
        let (waited, killed) = tokio::join!(waiting, killing);
        killed?;
        let err = waited.expect_err("nobody knows");
        assert!(err.is_fork_server_gone(), "{err}");
        // It is reaped by one of these, as its sockets are closed a little before it can be.
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            let err = afork(children::idle).await.expect_err("nobody forks");
            assert!(err.is_fork_server_gone(), "{err}");
            if children_of(my_pid()).is_empty() {
                break;
            }
            assert!(Instant::now() < until, "the fork server is a zombie");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        // It goes on, and can still be signalled where there are pidfds.
        let proc = format!("/proc/{}", children[0].pid());
        assert!(std::fs::exists(&proc)?);
        kill(
            Pid::from_raw(children[0].pid().cast_signed()),
            signal::SIGKILL,
        )?;
        Ok(())
    })
}

/// Tells the pids of its fork server and of a child, and waits to be killed.
fn owner_dies(mode: Mode) -> Outcome {
    let server = mode.server.expect("a fork server").pid();
    mode.run(vec![afork(children::idle)], async |children| {
        println!("{server} {}", children[0].pid());
        std::future::pending().await
    })
}
