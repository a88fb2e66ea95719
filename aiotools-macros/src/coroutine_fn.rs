//! The part that all attributes with a `yield_!` share: from a function body to a coroutine.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{FnArg, Ident, Lifetime, Signature};

use crate::item_fn::FnItem;
use crate::krate::Krate;
use crate::return_type::{Returned, inferred};

/// What differs between the attributes.
pub(crate) struct CoroutineFn<'a> {
    pub(crate) item: &'a FnItem,
    pub(crate) krate: &'a Krate,
    /// The family of what is yielded, as it may stand in a body.
    pub(crate) lend: &'a TokenStream,
    /// What the coroutine is resumed with.
    pub(crate) resume: TokenStream,
    pub(crate) returned: &'a Returned,
}

impl CoroutineFn<'_> {
    /// The coroutine:
    ///
    /// ```text
    /// Body::new(move |point: YieldPoint<Lend, Resume>| {
    ///     let point = unsafe { point.lender() };
    ///     async move {
    ///         let <pattern> = <parameter>;              // each argument
    ///         if false { let edge: Outcome = panic!(); return edge; }
    ///         'yield_must_stand_directly_in_the_body: {
    ///             macro_rules! yield_ { .. }
    ///             <body>
    ///         }
    ///     }
    /// })
    /// ```
    ///
    /// The return that is never taken fixes the type of the body, so that an error about it points at
    /// the return type and at the expression, not at the attribute. The break that is never taken makes
    /// `yield_!` an error wherever the label cannot be reached: in closures and nested async blocks. What
    /// `lender` asks for rests on that, and on the await in `yield_!`, see "Borrows" in `context/coroutine/yield_point.rs`
    /// of the runtime crate. It is called outside of `yield_!`, so that no code of the user's stands in the
    /// unsafe block, and where the user's own `forbid(unsafe_code)` does not look: in generated code.
    pub(crate) fn coroutine(&self, lets: &TokenStream) -> TokenStream {
        let Self {
            krate,
            lend,
            resume,
            returned,
            ..
        } = self;
        let body = &self.item.body;
        let hidden = Span::mixed_site();
        let point = Ident::new("__aiotools_yield_point", hidden);
        let edge = Ident::new("__aiotools_edge", hidden.located_at(self.returned.span));
        let label = Lifetime::new(
            "'yield_must_stand_directly_in_the_body",
            hidden.located_at(self.item.sig.ident.span()),
        );
        let name = at(self.item.sig.ident.span());
        let krate = &krate.at(name);
        let lend_value = quote_spanned!(at(self.returned.span)=> #point.lend);
        let marker = quote_spanned! {name=> {
            if false {
                break #label (#krate::__private::unreachable());
            }
            #lend_value($value).await
        }};
        let marker = yield_macro(&marker, at(self.returned.span));
        let edge_type = inferred(&returned.outcome).0;
        let typed_edge = quote_spanned! {at(self.returned.span)=>
            if false {
                let #edge: #edge_type = #krate::__private::unreachable();
                return #edge;
            }
        };
        // A body that ends with nothing is blamed where it ends.
        let body = quote_spanned!(at(self.item.braces.span_close())=> { #marker #body });
        let block = quote_spanned! {name=>
            async move {
                #lets
                #typed_edge
                #label: #body
            }
        };
        quote_spanned! {name=>
            #krate::__private::Body::new(
                move |#point: #krate::__private::YieldPoint<#lend, #resume>| {
                    let #point = unsafe { #point.lender() };
                    #block
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
            returned,
            ..
        } = self;
        let outcome = inferred(&returned.outcome).0;
        let name = at(self.item.sig.ident.span());
        let krate = &krate.at(name);
        quote_spanned! {name=>
            #krate::__private::Body::new(
                |_: #krate::__private::YieldPoint<#lend, #resume>| {
                    ::core::future::pending::<#outcome>()
                },
            )
        }
    }
}

/// Shows errors at `span`, and keeps the lints of the user's crate out of what stands there: it is
/// generated code.
pub(crate) fn at(span: Span) -> Span {
    Span::call_site().located_at(span)
}

/// The marker, as a macro that the body can use anywhere, also inside other macros. A `()` that should
/// have been a value is blamed at `value`.
fn yield_macro(expansion: &TokenStream, value: Span) -> TokenStream {
    let name = Ident::new("yield_", Span::call_site());
    let unit = quote_spanned!(value=> ());
    quote! {
        #[allow(unused_macros)]
        macro_rules! #name {
            () => { #name!(#unit) };
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
        constness: None,
        asyncness: None,
        inputs: params.into_iter().collect(),
        output: syn::parse_quote!(-> #returns),
        ..sig.clone()
    }
}
