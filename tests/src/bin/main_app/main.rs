//! Programs for `tests/main_attribute.rs`, chosen by the first argument. What happens is told on standard output, and what the library
//! reports on standard error.
#![expect(
    clippy::disallowed_methods,
    reason = "a thread that is blocked, and tasks outside of any group, are among what is tested"
)]

use std::{
    future::pending,
    io::{Error, IsTerminal as _},
    process::{ExitCode, Termination},
    time::Duration,
};

use aiotools::{Exit, TaskGroup, actxmgr, catch_cancel, create_timer, shield};
use tokio::time::sleep;

fn main() -> ExitCode {
    // Nothing that a test starts outlives it, however it ends.
    #[cfg(target_os = "linux")]
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::SIGKILL).expect("prctl");
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    match std::env::args().nth(1).as_deref() {
        Some("waits") => run(waits),
        Some("winds_down") => run(winds_down),
        Some("children") => run(children),
        Some("background") => run(background),
        Some("endless_cleanup") => run(endless_cleanup),
        Some("long_cleanup") => run(long_cleanup),
        Some("stubborn") => run(stubborn),
        Some("stubborn_thread") => run(stubborn_thread),
        Some("ignores") => run(ignores),
        Some("blocks") => run(blocks),
        Some("panics") => run(panics),
        Some("fails") => run(fails),
        Some("fails_and_cleans_up") => run(fails_and_cleans_up),
        Some("cancels_itself") => run(cancels_itself),
        Some("detached_timer") => run(detached_timer),
        Some("blocking_work") => run(blocking_work),
        other => panic!("no such program: {other:?}"),
    }
}

fn run<T: Termination>(program: fn() -> T) -> ExitCode {
    program().report()
}

/// A guard that says how it ends.
#[actxmgr]
async fn lease(name: &'static str, cleanup: Duration) {
    let exit: Exit = yield_!();
    sleep(cleanup).await;
    println!("{name}: {exit}");
}

const SHORT: Duration = Duration::from_millis(50);
const ENDLESS: Duration = Duration::from_secs(3600);

#[aiotools::main]
async fn waits() {
    let _lease = lease("lease", SHORT).await;
    println!("ready");
    pending::<()>().await;
}

#[aiotools::main(flavor = current_thread)]
async fn winds_down() -> ExitCode {
    println!("ready");
    if let Err(cancelled) = catch_cancel(pending::<()>()).await {
        sleep(SHORT).await;
        println!("winding down: {}", cancelled.reason());
    }
    ExitCode::from(7)
}

/// Tasks of a group, and a timer, end in order as well.
#[aiotools::main]
async fn children() {
    let timer = create_timer(
        |_| async {
            let _lease = lease("tick", SHORT).await;
            pending::<()>().await;
        },
        ENDLESS,
        aiotools::TimerDelayPolicy::Skip,
    );
    let ended = TaskGroup::scope(async |tg| {
        drop(tg.spawn(async {
            let _lease = lease("child", SHORT).await;
            println!("ready");
            pending::<()>().await;
        }));
        pending::<()>().await;
        Ok(())
    });
    drop(ended.await);
    drop(timer);
}

/// Leaves a cleanup to the background, in a task that nobody waits for.
#[aiotools::main]
async fn background() {
    tokio::spawn(async { drop(lease("background", SHORT).await) })
        .await
        .expect("a task that ends");
    println!("returns");
}

#[aiotools::main(drain_timeout = "300ms")]
async fn endless_cleanup() {
    tokio::spawn(async { drop(lease("endless", ENDLESS).await) })
        .await
        .expect("a task that ends");
    println!("ready");
}

#[aiotools::main(drain_timeout = "1h")]
async fn long_cleanup() {
    tokio::spawn(async { drop(lease("endless", ENDLESS).await) })
        .await
        .expect("a task that ends");
    println!("ready");
}

#[aiotools::main(drain_timeout = "1h")]
async fn stubborn() {
    println!("ready");
    drop(catch_cancel(pending::<()>()).await);
    println!("stopping");
    pending::<()>().await;
}

#[aiotools::main(flavor = current_thread, drain_timeout = "1h")]
async fn stubborn_thread() {
    println!("ready");
    std::thread::sleep(ENDLESS);
}

#[aiotools::main(drain_timeout = "300ms")]
async fn ignores() {
    println!("ready");
    shield(pending::<()>()).await;
}

#[aiotools::main(flavor = current_thread, drain_timeout = "300ms")]
async fn blocks() {
    println!("ready");
    loop {
        std::thread::sleep(SHORT);
    }
}

#[aiotools::main]
async fn panics() {
    let _lease = lease("lease", SHORT).await;
    ticking();
    sleep(SHORT).await;
    panic!("out of luck");
}

#[aiotools::main]
async fn fails() -> Result<(), Error> {
    let _lease = lease("lease", SHORT).await;
    Err(Error::other("nobody is there"))
}

#[aiotools::main(drain_timeout = "1h")]
async fn fails_and_cleans_up() -> Result<(), Error> {
    tokio::spawn(async { drop(lease("endless", ENDLESS).await) })
        .await
        .expect("a task that ends");
    println!("ready");
    Err(Error::other("nobody is there"))
}

#[aiotools::main]
async fn cancels_itself() {
    let _lease = lease("lease", SHORT).await;
    TaskGroup::current().expect("the root scope").cancel();
    pending::<()>().await;
}

/// A timer without a handle, which does not keep the program running.
fn ticking() {
    let tick = |_| async {
        let _lease = lease("tick", SHORT).await;
        pending::<()>().await;
    };
    create_timer(tick, SHORT, aiotools::TimerDelayPolicy::Skip).detach();
}

#[aiotools::main]
async fn detached_timer() {
    ticking();
    sleep(SHORT * 2).await;
    println!("returns");
}

#[aiotools::main]
async fn blocking_work() {
    drop(tokio::task::spawn_blocking(|| std::thread::sleep(ENDLESS)));
    println!("returns");
}
