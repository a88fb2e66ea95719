//! A function that is no longer async, around the body that was written.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::ReturnType;

use crate::item_fn::FnItem;
use crate::krate::Krate;

/// The body as an async block that has the return type of the function.
pub(crate) fn block(item: &FnItem, lets: &TokenStream, krate: &Krate) -> TokenStream {
    let body = &item.body;
    let returned = match &item.sig.output {
        ReturnType::Default => quote_spanned!(item.sig.ident.span()=> ()),
        ReturnType::Type(_, ty) => ty.to_token_stream(),
    };
    quote! {
        async move {
            #[allow(unreachable_code, clippy::diverging_sub_expression, clippy::needless_return)]
            if false {
                return #krate::__private::unreachable::<#returned>();
            }
            #lets
            #body
        }
    }
}

/// The function, with another body.
pub(crate) fn function(item: &FnItem, attribute: &TokenStream, body: &TokenStream) -> TokenStream {
    let FnItem {
        attrs, vis, sig, ..
    } = item;
    let (name, output) = (&sig.ident, &sig.output);
    quote! {
        #attribute
        #(#attrs)*
        #vis fn #name() #output {
            #body
        }
    }
}
