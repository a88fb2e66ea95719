//! What `#[test]` and `#[main]` say about the runtime that they start.

use proc_macro2::TokenStream;
use quote::quote;
use syn::LitInt;

use crate::args::{Arg, Key};
use crate::choice::Choice;
use crate::diag::Diagnostics;
use crate::krate::Krate;
use crate::slot::Slot;

const FLAVORS: &[&str] = &["current_thread", "multi_thread"];

pub(crate) const FLAVOR: Key = Key {
    name: "flavor",
    usage: "flavor = current_thread | multi_thread",
    mistaken_for: &["runtime", "flavour"],
};

pub(crate) const WORKER_THREADS: Key = Key {
    name: "worker_threads",
    usage: "worker_threads = 2",
    mistaken_for: &["threads", "workers"],
};

#[derive(Default)]
pub(crate) struct RuntimeArgs {
    pub(crate) flavor: Slot<Choice>,
    pub(crate) worker_threads: Slot<LitInt>,
}

impl RuntimeArgs {
    pub(crate) fn take(&mut self, arg: Arg<'_>) -> syn::Result<()> {
        match arg.name() {
            "flavor" => arg.choice(&mut self.flavor, FLAVORS),
            _ => arg.value(&mut self.worker_threads),
        }
    }

    pub(crate) fn is_multi_thread(&self) -> bool {
        self.flavor.value().is_some_and(|flavor| flavor.index == 1)
    }
}

/// The number of worker threads of a runtime; 0 for one on the current thread, none for as many as there are cores.
pub(crate) fn workers(
    args: &RuntimeArgs,
    multi_by_default: bool,
    diag: &mut Diagnostics,
) -> Option<usize> {
    let threads = &args.worker_threads;
    let multi = match args.flavor.value() {
        Some(_) => args.is_multi_thread(),
        None => multi_by_default || threads.value().is_some(),
    };
    let count = match threads.value() {
        None => None,
        Some(count) => match count.base10_parse::<usize>() {
            Ok(count) if count > 0 => Some(count),
            _ => {
                diag.error(count, "not a number of threads; write one such as `2`");
                None
            }
        },
    };
    if let (false, Some(key)) = (multi, threads.key()) {
        diag.error(
            key,
            "a current-thread runtime has no worker threads; write `flavor = multi_thread`, or remove this",
        );
    }
    if multi { count } else { Some(0) }
}

/// The call that builds such a runtime's settings.
pub(crate) fn flavor(workers: Option<usize>, krate: &Krate) -> TokenStream {
    match workers {
        Some(0) => quote!(#krate::__private::Flavor::CurrentThread),
        Some(count) => {
            quote!(#krate::__private::Flavor::MultiThread(::core::option::Option::Some(#count)))
        }
        None => quote!(#krate::__private::Flavor::MultiThread(::core::option::Option::None)),
    }
}
