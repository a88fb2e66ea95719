//! From what was chosen to the end of the server, in order.

use std::io;

use super::{
    Phase, Server, ServerError, WorkerContext, WorkerFailure,
    body::ServerWorker,
    builder::Setup,
    error::{BoxError, Kind},
    extra::{self, ExtraContext, ExtraProcs},
    inherited::Inherited,
    listeners::Listeners,
    main_context::{EnteredMainContext as _, IntoMainContext},
    parent::{End, Parent, Side},
    service::Service,
    signal_queue::SignalQueue,
    worker,
};
use crate::process::pidfd_open;

impl<W, M, A, E> Server<W, M, A, E> {
    /// Runs the server until a stop signal, and returns when no worker is left. [The life
    /// cycle](super) tells what happens when.
    ///
    /// Must be called before the process has a second thread or has used tokio: first thing in a
    /// plain `fn main` is the place. In the workers it does not return.
    ///
    /// The signal mask and the signal dispositions of the process are afterwards what they were
    /// before, whatever the result. A stop signal that comes in between is obeyed and goes no
    /// further.
    ///
    /// # Errors
    ///
    /// If it cannot run here or with these options ([`ServerError::is_refused`]), if an address
    /// cannot be had ([`ServerError::is_bind`]), if the main context fails, or if a worker fails:
    /// before its `yield_!`, after it, by dying in between, or by not stopping in time
    /// ([`ServerError::workers`]). A main context that was set up is ended in any case. The first
    /// failure is the one that is reported; that of a worker comes with those of all others.
    ///
    /// # Panics
    ///
    /// If the main context, [`on_phase`](Self::on_phase), [`on_ready`](Self::on_ready) or
    /// [`on_event`](Self::on_event) panics.
    /// The workers are killed then.
    pub fn run(self) -> Result<(), ServerError>
    where
        M: IntoMainContext,
        A: 'static,
        W: ServerWorker<M::Value, A>,
        E: ExtraProcs<M::Value, A>,
    {
        let Self {
            worker,
            main_context,
            args,
            extras,
            setup,
        } = self;
        let Setup {
            options,
            runtime,
            prestart,
            mut observer,
            requests,
        } = setup;
        options.check()?;
        let rights = options
            .privileges
            .resolve()
            .map_err(|err| ServerError::new(Kind::Privileges(err)))?;
        let by_pidfd = !options.portable && pidfd_open(nix::unistd::getpid()).is_ok();
        let queue = SignalQueue::open(options.parent_signals(by_pidfd), options.portable)
            .map_err(|err| ServerError::system("take over the stop signals", err))?;
        let mut inherited = Inherited::take()
            .map_err(|err| ServerError::system("take the sockets that were passed", err))?;
        let mut service = Service::new(&options, &mut inherited)?;
        let listeners = Listeners::bind(
            &options.listen,
            &mut inherited,
            options.workers,
            service.has_sockets(),
            !options.portable,
        )?;
        service.has_no_use_for(inherited.numbers());
        drop(inherited);
        observer.phase(Phase::Bound);

        let main_context = match main_context.enter() {
            Ok(entered) => entered,
            Err(source) => {
                drop(listeners);
                observer.phase(Phase::Ended);
                return Err(ServerError::new(Kind::MainContext {
                    when: "during initialization",
                    source,
                }));
            }
        };

        let extra_options = options.for_extras(E::COUNT);
        let parent = Parent::new(
            &options,
            &extra_options,
            observer,
            queue,
            listeners,
            requests,
            service,
        );
        match parent.run() {
            Side::Worker(seat, listeners) => {
                let ctx = WorkerContext::new(&seat, main_context.leak(), args, listeners);
                let index = seat.index;
                let runtime = || {
                    for hook in prestart {
                        hook(index).map_err(io::Error::other)?;
                    }
                    runtime()
                };
                worker::run(*seat, ctx.shared(), &rights, runtime, || worker.worker(ctx))
            }
            Side::Extra(seat, number) => {
                let ctx = ExtraContext::new(&seat, main_context.leak(), args);
                extra::run(*seat, ctx.stop(), &rights, prestart, || {
                    extras.call(number, ctx)
                })
            }
            Side::Parent(end) => {
                let End {
                    signal,
                    error,
                    failures,
                    mut observer,
                    queue,
                } = *end;
                let ended = main_context.exit(signal);
                observer.phase(Phase::Ended);
                drop(queue);
                report(error, failures, ended.err())
            }
        }
    }
}

/// The first failure, with what belongs to it.
fn report(
    error: Option<ServerError>,
    failures: Vec<WorkerFailure>,
    main_context: Option<BoxError>,
) -> Result<(), ServerError> {
    match (error, main_context) {
        (Some(error), main_context) => {
            for failure in failures {
                tracing::error!("{failure}");
            }
            if let Some(err) = main_context {
                tracing::error!(%err, "the main context failed during shutdown");
            }
            Err(error)
        }
        (None, main_context) if !failures.is_empty() => Err(ServerError::new(Kind::Workers {
            failures,
            main_context,
        })),
        (None, Some(source)) => Err(ServerError::new(Kind::MainContext {
            when: "during shutdown",
            source,
        })),
        (None, None) => Ok(()),
    }
}
