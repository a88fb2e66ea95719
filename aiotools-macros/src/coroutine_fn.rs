//! The part that all attributes with a `yield_!` share: from a function body to a coroutine.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{FnArg, Ident, Lifetime, Signature, Type};

use crate::item_fn::FnItem;
use crate::krate::Krate;

/// What differs between the attributes.
pub(crate) struct CoroutineFn<'a> {
    pub(crate) item: &'a FnItem,
    pub(crate) krate: &'a Krate,
    /// The family of what is yielded, as it may stand in a body.
    pub(crate) lend: &'a TokenStream,
    /// What the coroutine is resumed with.
    pub(crate) resume: TokenStream,
    /// What the body ends with.
    pub(crate) outcome: &'a Type,
    /// Where to blame a body that ends with something else.
    pub(crate) outcome_span: Span,
}

impl CoroutineFn<'_> {
    /// The coroutine:
    ///
    /// ```text
    /// Body::new(move |point: YieldPoint<Lend, Resume>| async move {
    ///     let <pattern> = <parameter>;                  // each argument
    ///     if false { let edge: Outcome = panic!(); return edge; }
    ///     'yield_must_stand_directly_in_the_body: {
    ///         macro_rules! yield_ { .. }
    ///         <body>
    ///     }
    /// })
    /// ```
    ///
    /// The return that is never taken fixes the type of the body, so that an error about it points at
    /// the return type and at the expression, not at the attribute. The break that is never taken makes
    /// `yield_!` an error wherever the label cannot be reached: in closures and nested async blocks. The
    /// soundness of lending rests on that, see `context/coroutine.rs` in the runtime crate.
    pub(crate) fn coroutine(&self, lets: &TokenStream) -> TokenStream {
        let Self {
            krate,
            lend,
            resume,
            outcome,
            ..
        } = self;
        let body = &self.item.body;
        let hidden = Span::mixed_site();
        let point = Ident::new("__aiotools_yield_point", hidden);
        let edge = Ident::new("__aiotools_edge", hidden);
        let label = Lifetime::new("'yield_must_stand_directly_in_the_body", hidden);
        let marker = yield_macro(&quote! {{
            if false {
                break #label (#krate::__private::unreachable());
            }
            #point.lend($value).await
        }});
        let typed_edge = quote_spanned! {self.outcome_span=>
            if false {
                let #edge: #outcome = #krate::__private::unreachable();
                return #edge;
            }
        };
        quote! {
            #krate::__private::Body::new(
                move |#point: #krate::__private::YieldPoint<#lend, #resume>| async move {
                    #lets
                    #typed_edge
                    #label: {
                        #marker
                        #body
                    }
                },
            )
        }
    }

    /// A coroutine of the same type that is never run, to stand in for one with errors.
    pub(crate) fn placeholder(&self) -> TokenStream {
        let Self {
            krate,
            lend,
            resume,
            outcome,
            ..
        } = self;
        quote! {
            #krate::__private::Body::new(
                |_: #krate::__private::YieldPoint<#lend, #resume>| {
                    ::core::future::pending::<#outcome>()
                },
            )
        }
    }
}

/// The marker, as a macro that the body can use anywhere, also inside other macros.
fn yield_macro(expansion: &TokenStream) -> TokenStream {
    let name = Ident::new("yield_", Span::call_site());
    quote! {
        #[allow(unused_macros)]
        macro_rules! #name {
            () => { #name!(()) };
            ($value:expr $(,)?) => { #expansion };
        }
    }
}

/// `sig`, no longer async, with these parameters and this return type.
pub(crate) fn wrapper_signature(
    sig: &Signature,
    params: Vec<FnArg>,
    returns: &TokenStream,
) -> Signature {
    Signature {
        asyncness: None,
        inputs: params.into_iter().collect(),
        output: syn::parse_quote!(-> #returns),
        ..sig.clone()
    }
}
