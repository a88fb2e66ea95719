//! `#[timer]`, expanded.
//!
//! ```text
//! #[timer(interval = "1s", policy = skip)]
//! async fn tick(interval: Duration, hits: Arc<AtomicU32>) -> Result<(), E> { <body> }
//!
//! #[track_caller]
//! fn tick(hits: Arc<AtomicU32>) -> Timer {
//!     TimerBuilder::new(Duration::new(1, 0)).policy(TimerDelayPolicy::Skip).start(move |__interval| {
//!         let hits = clone_argument(&hits);
//!         async move {
//!             if false { return unreachable::<Result<(), E>>(); }
//!             let hits = hits;
//!             let interval: Duration = __interval;
//!             <body>
//!         }
//!     })
//! }
//! ```

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{FnArg, Pat, ReturnType};

use super::model::{Model, When, interval_param};
use crate::item_fn::FnItem;

pub(super) fn expand(model: &Model, item: &FnItem) -> TokenStream {
    let krate = &model.krate;
    let private = quote!(#krate::__private);
    let interval = Ident::new("__aiotools_interval", Span::mixed_site());
    let this = Ident::new("__aiotools_self", Span::mixed_site());
    let injected = interval_param(item);
    let (plain, _) = item.plain_params();
    let mut params = Vec::new();
    let mut clones = TokenStream::new();
    for (n, (param, written)) in plain.into_iter().zip(&item.sig.inputs).enumerate() {
        if injected.is_some_and(|(at, _)| at == n) {
            continue;
        }
        match (&param, written) {
            (FnArg::Typed(plain), FnArg::Typed(written)) => {
                let name = &plain.pat;
                let cfgs = &plain.attrs;
                clones.extend(quote_spanned! {written.ty.span()=>
                    #(#cfgs)* let #name = #private::clone_argument(&#name);
                });
            }
            _ => clones.extend(quote! { let #this = #private::clone_argument(&self); }),
        }
        params.push(param);
    }
    let lets = lets(item, injected.map(|(at, _)| at));
    let inject = injected.map(|(_, param)| {
        let (pat, ty) = (&param.pat, &param.ty);
        let value = Ident::new(
            "__aiotools_interval",
            ty.span().resolved_at(Span::mixed_site()),
        );
        quote_spanned! {ty.span()=> let #pat: #ty = #value; }
    });
    let returned = returned(item);
    let body = without_self(item.body.clone(), &this);
    let builder = builder(model, &private, &interval);
    if let When::Given = model.when {
        let at = usize::from(matches!(params.first(), Some(FnArg::Receiver(_))));
        params.insert(at, syn::parse_quote!(#interval: ::core::time::Duration));
    }
    // What is wrong with the future as a whole is blamed on the name, what is wrong with its output on the return type.
    let start = quote_spanned! {item.sig.ident.span()=> #private::start_timer };
    let callback = quote_spanned! {item.sig.ident.span()=>
        move |#interval: ::core::time::Duration|
    };
    let block = quote_spanned! {returned.span()=>
        async move {
            #[allow(unreachable_code, clippy::diverging_sub_expression, clippy::needless_return)]
            if false {
                return #private::unreachable::<#returned>();
            }
            #lets
            #inject
            #body
        }
    };
    function(
        model,
        item,
        &params,
        &quote! {
            #start(#builder, #callback {
                let _ = #interval;
                #clones
                #block
            })
        },
    )
}

/// The function with the signature that it would have had, so that its callers type-check.
pub(super) fn fallback(model: &Model, item: &FnItem) -> TokenStream {
    let injected = interval_param(item).map(|(at, _)| at);
    let mut params: Vec<_> = item.ignored_params();
    if let Some(at) = injected {
        params.remove(at);
    }
    if let When::Given = model.when {
        let at = usize::from(matches!(params.first(), Some(FnArg::Receiver(_))));
        params.insert(at, syn::parse_quote!(_: ::core::time::Duration));
    }
    let krate = &model.krate;
    function(
        model,
        item,
        &params,
        &quote!(#krate::__private::unreachable()),
    )
}

fn function(model: &Model, item: &FnItem, params: &[FnArg], body: &TokenStream) -> TokenStream {
    let FnItem {
        attrs, vis, sig, ..
    } = item;
    let (name, krate) = (&sig.ident, &model.krate);
    let (generics, _, bounds) = sig.generics.split_for_impl();
    let generics = if sig.generics.params.is_empty() {
        TokenStream::new()
    } else {
        generics.to_token_stream()
    };
    quote! {
        #(#attrs)*
        #[track_caller]
        #vis fn #name #generics (#(#params),*) -> #krate::__private::Timer #bounds {
            #body
        }
    }
}

fn builder(model: &Model, private: &TokenStream, interval: &Ident) -> TokenStream {
    let mut builder = match &model.when {
        When::Interval(every) => quote!(#private::TimerBuilder::new(#every)),
        When::Given => quote!(#private::TimerBuilder::new(#interval)),
        When::Schedule { cron, tz } => {
            let tz = match tz {
                Some(tz) => quote!(::core::option::Option::Some(#tz)),
                None => quote!(::core::option::Option::None),
            };
            quote!(#private::TimerBuilder::scheduled(#private::schedule(#cron, #tz)))
        }
    };
    if let Some(policy) = model.policy {
        let policy = format_ident!("{}", ["Accumulate", "Cancel", "Skip", "Queue"][policy]);
        builder.extend(quote!(.policy(#private::TimerDelayPolicy::#policy)));
    }
    if let Some(start) = model.start {
        let start = format_ident!("{}", ["Immediately", "AfterInterval"][start]);
        builder.extend(quote!(.first(#private::TimerStart::#start)));
    }
    if let Some(jitter) = &model.jitter {
        builder.extend(quote!(.jitter(#jitter)));
    }
    if let Some(name) = &model.name {
        builder.extend(quote!(.name(#name)));
    }
    builder
}

/// The patterns that were written, for the names that stand for them.
fn lets(item: &FnItem, without: Option<usize>) -> TokenStream {
    let mut params = item.sig.inputs.clone().into_iter().enumerate();
    let mut lets = TokenStream::new();
    let (plain, _) = item.plain_params();
    for param in plain {
        let Some((n, written)) = params.next() else {
            break;
        };
        if without == Some(n) {
            continue;
        }
        if let (FnArg::Typed(plain), FnArg::Typed(written)) = (param, written) {
            let (name, pat) = (&plain.pat, &written.pat);
            let attrs = &written.attrs;
            if let Pat::Wild(_) = **pat {
                lets.extend(quote! { #(#attrs)* let _ = &#name; });
            } else {
                lets.extend(quote! { #(#attrs)* let #pat = #name; });
            }
        }
    }
    lets
}

/// The return type, as it can stand in the body.
fn returned(item: &FnItem) -> TokenStream {
    match &item.sig.output {
        ReturnType::Default => {
            let span = item.sig.ident.span();
            quote_spanned!(span=> ())
        }
        ReturnType::Type(_, ty) => ty.to_token_stream(),
    }
}

/// The body with another name for `self`, which cannot be bound anew. A path such as `self::module` stays.
fn without_self(body: TokenStream, this: &Ident) -> TokenStream {
    let mut tokens = body.into_iter().peekable();
    let mut replaced = TokenStream::new();
    while let Some(token) = tokens.next() {
        let token = match token {
            TokenTree::Ident(ident) if ident == "self" => {
                let path = matches!(tokens.peek(), Some(TokenTree::Punct(punct))
                    if punct.as_char() == ':' && punct.spacing() == proc_macro2::Spacing::Joint);
                if path {
                    TokenTree::Ident(ident)
                } else {
                    let mut this = this.clone();
                    this.set_span(ident.span().resolved_at(Span::mixed_site()));
                    TokenTree::Ident(this)
                }
            }
            TokenTree::Group(group) => {
                let mut inner = Group::new(group.delimiter(), without_self(group.stream(), this));
                inner.set_span(group.span());
                TokenTree::Group(inner)
            }
            token => token,
        };
        replaced.extend([token]);
    }
    replaced
}
