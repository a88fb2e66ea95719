//! The arguments of `#[main]`, as written.

use proc_macro2::TokenStream;
use syn::{LitStr, Path};

use crate::args::{self, Key};
use crate::diag::Diagnostics;
use crate::runtime_args::{self, RuntimeArgs};
use crate::slot::Slot;

const KEYS: &[Key] = &[
    runtime_args::FLAVOR,
    runtime_args::WORKER_THREADS,
    Key {
        name: "drain_timeout",
        usage: "drain_timeout = \"10s\"",
        mistaken_for: &["drain", "timeout", "deadline", "grace"],
    },
    Key {
        name: "fork_server",
        usage: "fork_server",
        mistaken_for: &["fork", "forkserver"],
    },
    args::CRATE,
];

#[derive(Default)]
pub(super) struct Args {
    pub(super) runtime: RuntimeArgs,
    pub(super) drain_timeout: Slot<LitStr>,
    pub(super) fork_server: Slot<()>,
    pub(super) krate: Slot<Path>,
}

impl Args {
    pub(super) fn parse(tokens: TokenStream, diag: &mut Diagnostics) -> Self {
        let mut this = Self::default();
        args::parse(tokens, "main", KEYS, diag, |arg| match arg.name() {
            "drain_timeout" => arg.value(&mut this.drain_timeout),
            "fork_server" => arg.flag(&mut this.fork_server),
            "crate" => arg.krate(&mut this.krate),
            _ => this.runtime.take(arg),
        });
        this
    }
}
