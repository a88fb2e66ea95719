//! `#[main]` with every rule checked.

use super::args::Args;
use crate::diag::Diagnostics;
use crate::duration::DurationLit;
use crate::item_fn::FnItem;
use crate::krate::Krate;
use crate::runtime_args;

pub(super) struct Model {
    pub(super) krate: Krate,
    pub(super) workers: Option<usize>,
    pub(super) drain_timeout: Option<DurationLit>,
    pub(super) fork_server: bool,
    pub(super) expands: bool,
}

impl Model {
    pub(super) fn new(args: &Args, item: &FnItem, diag: &mut Diagnostics) -> Self {
        let workers = runtime_args::workers(&args.runtime, true, diag);
        let drain_timeout = DurationLit::given(args.drain_timeout.value(), diag);
        if item.sig.asyncness.is_none() {
            diag.error(
                item.sig.fn_token,
                "`#[main]` goes on an `async fn`; write `async fn`",
            );
        }
        for param in &item.sig.inputs {
            diag.error(
                param,
                "`main` takes no parameters; read them with `std::env::args()`",
            );
        }
        Self {
            krate: Krate::new(args.krate.value()),
            workers,
            drain_timeout,
            fork_server: args.fork_server.key().is_some(),
            expands: !diag.has_errors(),
        }
    }
}
