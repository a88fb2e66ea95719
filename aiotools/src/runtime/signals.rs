//! The signals that end a program, heard on a thread of their own: also where the program's threads are busy, and do not await.
//!
//! # States
//!
//! ```text
//! LISTENING ──a signal──► STOPPING ──another signal──► the process ends
//!     │                      └──────`patience`───────► the process ends
//!     └──dropped, from each of these──► the thread ends
//! ```

use std::{pin::pin, process, thread, time::Duration};

use tokio::{
    runtime::Builder,
    sync::{oneshot, watch},
};

use super::either::either;

/// A signal that ends a program.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signal {
    pub(super) name: &'static str,
    number: i32,
}

impl Signal {
    /// What a shell makes of a program that such a signal has ended.
    pub(super) fn exit_code(self) -> i32 {
        128 + self.number
    }
}

/// Hears of signals as long as it lives.
pub(super) struct Signals {
    first: watch::Receiver<Option<Signal>>,
    heard: bool,
    /// Its end tells the thread.
    _listening: oneshot::Sender<()>,
}

impl Signals {
    /// Begins to listen. `patience` is how long the program may take to end after a signal, at the very most.
    ///
    /// Where there cannot be such a thread, the system deals with the signals.
    pub(super) fn listen(patience: Duration) -> Self {
        let (tell, first) = watch::channel(None);
        let (listening, dropped) = oneshot::channel();
        let runtime = Builder::new_current_thread().enable_all().build();
        if let Ok(runtime) = runtime {
            // From here on no signal is missed.
            let sources = {
                let _entered = runtime.enter();
                Sources::new()
            };
            let listen = async move {
                either(dropped, pin!(stop(sources, tell, patience))).await;
            };
            let thread = thread::Builder::new().name("aiotools-signals".into());
            drop(thread.spawn(move || runtime.block_on(listen)));
        }
        Self {
            first,
            heard: false,
            _listening: listening,
        }
    }

    /// The first signal, once it is there.
    pub(super) async fn first(&mut self) -> Signal {
        if let Ok(first) = self.first.wait_for(Option::is_some).await
            && let Some(signal) = *first
        {
            self.heard = true;
            return signal;
        }
        std::future::pending().await
    }

    /// Whether [`first`](Self::first) has given it to somebody: one that has come is not yet heard.
    pub(super) fn is_heard(&self) -> bool {
        self.heard
    }
}

async fn stop(mut sources: Sources, tell: watch::Sender<Option<Signal>>, patience: Duration) {
    let first = sources.next().await;
    tell.send_replace(Some(first));
    match tokio::time::timeout(patience, sources.next()).await {
        Ok(second) => {
            tracing::warn!("{} came again: the process ends at once", second.name);
            process::exit(second.exit_code())
        }
        Err(_) => {
            tracing::error!(
                "{} was not heard within {patience:?}, as a thread is blocked outside of an `.await`: the process ends",
                first.name
            );
            process::exit(first.exit_code())
        }
    }
}

const INTERRUPT: Signal = Signal {
    name: "SIGINT",
    number: 2,
};

#[cfg(unix)]
const TERMINATE: Signal = Signal {
    name: "SIGTERM",
    number: 15,
};

#[cfg(unix)]
struct Sources([(Option<tokio::signal::unix::Signal>, Signal); 2]);

#[cfg(unix)]
impl Sources {
    fn new() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        Self([
            (signal(SignalKind::interrupt()).ok(), INTERRUPT),
            (signal(SignalKind::terminate()).ok(), TERMINATE),
        ])
    }

    fn next(&mut self) -> impl Future<Output = Signal> {
        std::future::poll_fn(|cx| {
            for (source, signal) in &mut self.0 {
                if let Some(source) = source
                    && let std::task::Poll::Ready(Some(())) = source.poll_recv(cx)
                {
                    return std::task::Poll::Ready(*signal);
                }
            }
            std::task::Poll::Pending
        })
    }
}

#[cfg(not(unix))]
struct Sources;

#[cfg(not(unix))]
impl Sources {
    fn new() -> Self {
        Self
    }

    #[expect(clippy::unused_self, reason = "as on Unix")]
    async fn next(&mut self) -> Signal {
        match tokio::signal::ctrl_c().await {
            Ok(()) => INTERRUPT,
            Err(_) => std::future::pending().await,
        }
    }
}
