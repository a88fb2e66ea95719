//! The annotated function: its signature parsed, its body as it was written.

use proc_macro2::{Group, TokenStream};
use quote::ToTokens;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Block, FnArg, Ident, Pat, PatType, Signature, Token, Visibility, token};

/// A function whose body has not been looked at, so that code that is only half typed reaches the
/// compiler, and with it the editor, unchanged.
pub(crate) struct FnItem {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    /// What stands between the braces.
    pub(crate) body: TokenStream,
    pub(crate) braces: Group,
}

impl Parse for FnItem {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        let sig: Signature = input.parse()?;
        if input.peek(Token![;]) {
            return Err(
                input.error("a function without a body cannot be annotated; give it a body")
            );
        }
        if !input.peek(token::Brace) {
            return Err(input.error("expected the body of the function"));
        }
        let braces: Group = input.parse()?;
        Ok(Self {
            attrs,
            vis,
            sig,
            body: braces.stream(),
            braces,
        })
    }
}

impl FnItem {
    /// The body as a syntax tree; `None` if it does not parse, in which case rustc will say why.
    pub(crate) fn block(&self) -> Option<Block> {
        syn::parse2(self.braces.to_token_stream()).ok()
    }

    /// The parameters with plain names, and the `let`s that turn the names into the patterns that were
    /// written. The body starts with these `let`s, so that it owns every argument until its end, as the
    /// body of an `async fn` does.
    pub(crate) fn plain_params(&self) -> (Vec<FnArg>, TokenStream) {
        let mut params = Vec::new();
        let mut lets = TokenStream::new();
        for (n, param) in self.sig.inputs.iter().enumerate() {
            match param {
                FnArg::Receiver(receiver) => {
                    // `mut self` cannot be rebound; a body that changes `self` shadows it.
                    params.push(FnArg::Receiver(receiver.clone()));
                }
                FnArg::Typed(typed) => {
                    let (name, rebind) = plain_param(n, typed);
                    lets.extend(rebind);
                    params.push(FnArg::Typed(PatType {
                        pat: Box::new(name),
                        ..typed.clone()
                    }));
                }
            }
        }
        (params, lets)
    }
}

fn plain_param(n: usize, typed: &PatType) -> (Pat, TokenStream) {
    let pat = &typed.pat;
    let attrs = typed
        .attrs
        .iter()
        .filter(|attr| attr.path().is_ident("cfg"));
    match &**pat {
        Pat::Ident(ident) if ident.subpat.is_none() && ident.by_ref.is_none() => {
            let name = &ident.ident;
            let plain = syn::parse_quote!(#name);
            (plain, quote::quote! { #(#attrs)* let #pat = #name; })
        }
        pat => {
            let name = Ident::new(
                &format!("__aiotools_arg{n}"),
                proc_macro2::Span::mixed_site(),
            );
            (
                syn::parse_quote!(#name),
                quote::quote! { #(#attrs)* let #pat = #name; },
            )
        }
    }
}
