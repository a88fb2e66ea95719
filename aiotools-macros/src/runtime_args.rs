//! What `#[test]` and `#[main]` say about the runtime that they start.

use proc_macro2::TokenStream;
use quote::quote;
use syn::LitInt;

use crate::choice::Choice;
use crate::diag::Diagnostics;
use crate::krate::Krate;
use crate::slot::Slot;

/// The number of worker threads of a runtime; 0 for one on the current thread, none for as many as there are cores.
pub(crate) fn workers(
    flavor: &Slot<Choice>,
    threads: &Slot<LitInt>,
    multi_by_default: bool,
    diag: &mut Diagnostics,
) -> Option<usize> {
    let multi = match flavor.value() {
        Some(flavor) => flavor.index == 1,
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
