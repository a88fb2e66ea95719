//! The worker's ear: a thread that hears what the parent says.
//!
//! It is a thread of its own, and not a task, so that a worker whose runtime is blocked can still
//! be asked what it is doing, and notices the end of its parent. It hears from before the body
//! starts until the process exits.

use std::{
    io::{self, Read as _},
    os::unix::net::UnixStream,
    sync::Arc,
    thread,
};

use nix::sys::signal::SigSet;
use tokio::{runtime::Handle, sync::watch};

use super::{
    Signal,
    context::Shared,
    control::{self, Order, Report, WorkerEnd},
    worker::orphaned,
};

/// What the thread touches of its stack is little; a task tree is as deep as groups are nested.
const STACK: usize = 512 * 1024;

struct Ear {
    stream: UnixStream,
    control: Arc<WorkerEnd>,
    shared: &'static Shared,
    runtime: Handle,
    stop: watch::Sender<Option<Signal>>,
}

/// Starts to listen; on the runtime that is to answer pings. The result has the signal of the order
/// to stop, once that has come.
pub(super) fn open(
    control: &Arc<WorkerEnd>,
    shared: &'static Shared,
) -> io::Result<watch::Receiver<Option<Signal>>> {
    let (stop, stopped) = watch::channel(None);
    let ear = Ear {
        stream: control.stream()?,
        control: control.clone(),
        shared,
        runtime: Handle::current(),
        stop,
    };
    thread::Builder::new()
        .name("aiotools-control".into())
        .stack_size(STACK)
        .spawn(move || ear.hear())?;
    Ok(stopped)
}

impl Ear {
    fn hear(mut self) -> ! {
        // The signals are for the threads of the worker.
        let _ = SigSet::all().thread_block();
        let mut bytes = [0; control::ORDER];
        loop {
            if self.stream.read_exact(&mut bytes).is_err() {
                orphaned();
            }
            match control::decode_order(bytes) {
                Some(Order::Stop(signal)) => {
                    self.stop.send_replace(Some(signal));
                }
                // It is the scheduler that has to answer.
                Some(Order::Ping) => {
                    let control = self.control.clone();
                    self.runtime
                        .spawn(async move { control.report(&Report::Pong) });
                }
                Some(Order::Picture) => {
                    self.control.report(&Report::Picture(self.shared.picture()));
                }
                None => {}
            }
        }
    }
}
