//! The stages of an attribute, in their order: arguments, item, and what the two make together.

use proc_macro2::TokenStream;
use quote::quote;

use crate::diag::Diagnostics;
use crate::item_fn::{self, FnItem};
use crate::misplaced;

/// An attribute, and what it goes on.
pub(crate) struct Attribute<'a> {
    pub(crate) name: &'a str,
    pub(crate) on: &'a str,
}

impl Attribute<'_> {
    /// From tokens to tokens. Errors stand behind the item, which is emitted whatever happens.
    pub(crate) fn run<A>(
        &self,
        args: TokenStream,
        item: &TokenStream,
        parse: impl FnOnce(TokenStream, &mut Diagnostics) -> A,
        expand: impl FnOnce(&A, &FnItem, &mut Diagnostics) -> TokenStream,
    ) -> TokenStream {
        let mut diag = Diagnostics::default();
        let args = parse(args, &mut diag);
        let expanded = match item_fn::parse(item) {
            Ok(function) => expand(&args, &function, &mut diag),
            Err(error) => {
                diag.push(misplaced::error(self.name, self.on, item, error));
                item.clone()
            }
        };
        let errors = diag.finish();
        quote!(#expanded #errors)
    }
}
