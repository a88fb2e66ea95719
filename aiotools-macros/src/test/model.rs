//! `#[test]` with every rule checked.

use super::args::Args;
use crate::diag::Diagnostics;
use crate::duration::DurationLit;
use crate::item_fn::FnItem;
use crate::krate::Krate;
use crate::runtime_args;

pub(super) struct Model {
    pub(super) krate: Krate,
    pub(super) virtual_clock: bool,
    pub(super) workers: Option<usize>,
    pub(super) timeout: Option<DurationLit>,
    pub(super) expands: bool,
}

impl Model {
    pub(super) fn new(args: &Args, item: &FnItem, diag: &mut Diagnostics) -> Self {
        let virtual_clock = args.virtual_clock.value().is_some();
        let workers = runtime_args::workers(&args.runtime, false, diag);
        if let (true, Some(flavor)) = (virtual_clock, args.runtime.flavor.value())
            && flavor.index == 1
        {
            diag.push(syn::Error::new(
                flavor.span,
                "a virtual clock works on one thread only; remove `flavor = multi_thread`, or `virtual_clock`",
            ));
        }
        if let (true, None, Some(key)) = (
            virtual_clock,
            args.runtime.flavor.value(),
            args.runtime.worker_threads.key(),
        ) {
            diag.error(
                key,
                "a virtual clock works on one thread only; remove `worker_threads`",
            );
        }
        let timeout = DurationLit::given(args.timeout.value(), diag);
        if item.sig.asyncness.is_none() {
            diag.error(
                item.sig.fn_token,
                "`#[test]` goes on an `async fn`; write `async fn`",
            );
        }
        let params = item.sig.inputs.iter();
        for extra in params.skip(usize::from(virtual_clock)) {
            diag.error(
                extra,
                if virtual_clock {
                    "a test takes no parameters but `clock: VirtualClock`; remove this one"
                } else {
                    "a test takes no parameters; with `virtual_clock` it may take `clock: VirtualClock`"
                },
            );
        }
        Self {
            krate: Krate::new(args.krate.value()),
            virtual_clock,
            workers,
            timeout,
            expands: !diag.has_errors(),
        }
    }
}
