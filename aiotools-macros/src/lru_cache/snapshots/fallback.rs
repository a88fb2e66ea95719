async fn fetch(id: u32) -> u32 {
    id
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
            ::core::option::Option::Some(::core::time::Duration::new(60u64, 0u32)),
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
}
::core::compile_error! {
    "`#[lru_cache]` has no argument `ttl`; did you mean `expire_after = \"1m\"`?"
}
