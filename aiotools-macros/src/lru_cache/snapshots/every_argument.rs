/// Documented.
#[cfg(unix)]
pub async fn fetch(db: Db, id: u32, lang: String) -> io::Result<Page> {
    let __aiotools_cache = fetch::__aiotools_cache().of();
    let __aiotools_key = fetch::__aiotools_key(&id, &lang);
    aio::__private::LruCache::retry_get_stale_with(
            __aiotools_cache,
            __aiotools_key,
            async move {
                #[allow(
                    unreachable_code,
                    clippy::diverging_sub_expression,
                    clippy::needless_return
                )]
                if false {
                    return aio::__private::unreachable::<io::Result<Page>>();
                }
                let db = db;
                let id = id;
                let mut lang = lang;
                db.page(id, lang).await
            },
        )
        .await
}
#[cfg(unix)]
#[doc = ::core::concat!(" The cache of the function `", "fetch", "`.")]
#[allow(non_camel_case_types, dead_code)]
#[derive(::core::fmt::Debug)]
pub enum fetch {}
#[cfg(unix)]
#[allow(dead_code, clippy::ptr_arg, clippy::trivially_copy_pass_by_ref)]
impl fetch {
    #[doc(hidden)]
    fn __aiotools_cache() -> &'static aio::__private::FunctionCache {
        static CACHE: aio::__private::FunctionCache = aio::__private::FunctionCache::new(
            ::core::option::Option::Some(SIZE),
            ::core::option::Option::Some(::core::time::Duration::new(90u64, 0u32)),
            ::core::time::Duration::new(3600u64, 0u32),
        );
        &CACHE
    }
    /// How the cache is used.
    pub fn cache_info() -> aio::__private::CacheInfo {
        Self::__aiotools_cache().info()
    }
    /// Removes all entries, and starts to count from zero.
    pub fn cache_clear() {
        Self::__aiotools_cache().clear();
    }
    /// Removes all entries, ends the computations in the background, and keeps nothing from now on.
    pub async fn cache_close() {
        Self::__aiotools_cache().close().await;
    }
    #[doc(hidden)]
    fn __aiotools_key(id: &u32, lang: &String) -> impl aio::__private::CacheKey + use<> {
        let lang: &String = lang;
        {
            let __aiotools_key: (u32, String) = { (*id, lang.clone()) };
            __aiotools_key
        }
    }
    /// Removes the entry for these arguments, and says whether there was one.
    pub fn cache_invalidate(id: &u32, lang: &String) -> bool {
        Self::__aiotools_cache().invalidate(&Self::__aiotools_key(id, lang))
    }
}
