//! The arguments of `#[test]`, as written.

use proc_macro2::TokenStream;
use syn::{LitStr, Path};

use crate::args::{self, Key};
use crate::diag::Diagnostics;
use crate::runtime_args::{self, RuntimeArgs};
use crate::slot::Slot;

const KEYS: &[Key] = &[
    Key {
        name: "virtual_clock",
        usage: "virtual_clock",
        mistaken_for: &["start_paused", "paused", "virtual_time"],
    },
    runtime_args::FLAVOR,
    runtime_args::WORKER_THREADS,
    Key {
        name: "timeout",
        usage: "timeout = \"5s\"",
        mistaken_for: &["limit", "deadline"],
    },
    args::CRATE,
];

#[derive(Default)]
pub(super) struct Args {
    pub(super) virtual_clock: Slot<()>,
    pub(super) runtime: RuntimeArgs,
    pub(super) timeout: Slot<LitStr>,
    pub(super) krate: Slot<Path>,
}

impl Args {
    pub(super) fn parse(tokens: TokenStream, diag: &mut Diagnostics) -> Self {
        let mut this = Self::default();
        args::parse(tokens, "test", KEYS, diag, |arg| match arg.name() {
            "virtual_clock" => arg.flag(&mut this.virtual_clock),
            "timeout" => arg.value(&mut this.timeout),
            "crate" => arg.krate(&mut this.krate),
            _ => this.runtime.take(arg),
        });
        this
    }
}
