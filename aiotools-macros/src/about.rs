//! What a report calls a function.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;

use crate::krate::Krate;

/// A `&'static About` with the path of the function of this name; errors show at `span`.
pub(crate) fn about(krate: &Krate, name: &str, span: Span) -> TokenStream {
    quote_spanned! {span=>
        &#krate::__private::About {
            name: ::core::concat!(::core::module_path!(), "::", #name),
            cleanup_timeout: ::core::option::Option::None,
        }
    }
}
