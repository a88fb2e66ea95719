//! Stand-ins for attributes whose feature is off.

use proc_macro2::{Span, TokenStream};
use quote::quote;

use crate::diag::Diagnostics;
use crate::item_fn;

/// Says what is missing. The function stays, without its body, which needs the attribute to make sense.
pub(crate) fn attribute(name: &str, item: &TokenStream) -> TokenStream {
    let mut diag = Diagnostics::default();
    diag.push(syn::Error::new(
        Span::call_site(),
        format!(
            "`#[{name}]` needs the feature `server` of aiotools, and Unix; write \
             `aiotools = {{ version = \"..\", features = [\"server\"] }}`"
        ),
    ));
    let kept = match item_fn::parse(item) {
        Ok(function) => {
            let item_fn::FnItem {
                attrs, vis, sig, ..
            } = function;
            quote!(#(#attrs)* #[allow(unused_variables)] #vis #sig { ::core::unreachable!() })
        }
        Err(_) => item.clone(),
    };
    let errors = diag.finish();
    quote!(#kept #errors)
}
