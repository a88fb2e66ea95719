async fn fetch<'a>(url: &'a str, __aiotools_arg1: (u8, u8)) -> Result<Page, Error> {
    let __aiotools_cache = fetch::__aiotools_cache().of();
    let __aiotools_key = fetch::__aiotools_key(url, &__aiotools_arg1);
    ::aiotools::__private::LruCache::try_get_with(
            __aiotools_cache,
            __aiotools_key,
            async move {
                #[allow(
                    unreachable_code,
                    clippy::diverging_sub_expression,
                    clippy::needless_return
                )]
                if false {
                    return ::aiotools::__private::unreachable::<Result<Page, Error>>();
                }
                let url = url;
                let __aiotools_arg1 = __aiotools_arg1;
                let (a, b) = __aiotools_arg1;
                get(url, a, b).await
            },
        )
        .await
}
#[doc = ::core::concat!(" The cache of the function `", "fetch", "`.")]
#[allow(non_camel_case_types, dead_code)]
#[derive(::core::fmt::Debug)]
enum fetch {}
#[allow(dead_code, clippy::ptr_arg, clippy::trivially_copy_pass_by_ref)]
impl fetch {
    #[doc(hidden)]
    fn __aiotools_cache() -> &'static ::aiotools::__private::FunctionCache {
        static CACHE: ::aiotools::__private::FunctionCache = ::aiotools::__private::FunctionCache::new(
            ::core::option::Option::None,
            ::core::option::Option::None,
            ::core::time::Duration::ZERO,
        );
        &CACHE
    }
    /// How the cache is used.
    fn cache_info() -> ::aiotools::__private::CacheInfo {
        Self::__aiotools_cache().info()
    }
    /// Removes all entries, and starts to count from zero.
    fn cache_clear() {
        Self::__aiotools_cache().clear();
    }
    /// Removes all entries, ends the computations in the background, and keeps nothing from now on.
    async fn cache_close() {
        Self::__aiotools_cache().close().await;
    }
    #[doc(hidden)]
    fn __aiotools_key<'a>(
        url: &'a str,
        __aiotools_arg1: &(u8, u8),
    ) -> impl ::aiotools::__private::CacheKey + use<> {
        (
            ::aiotools::__private::borrowed_key_part(url),
            ::aiotools::__private::key_part(__aiotools_arg1),
        )
    }
    /// Removes the entry for these arguments, and says whether there was one.
    fn cache_invalidate<'a>(url: &'a str, __aiotools_arg1: &(u8, u8)) -> bool {
        Self::__aiotools_cache().invalidate(&Self::__aiotools_key(url, __aiotools_arg1))
    }
}
