pub(crate) async fn page<T: Clone>(self: Arc<Self>, id: T) -> Page {
    let __aiotools_cache = &::aiotools::__private::LruCache::clone(&self.pages);
    let __aiotools_key = (|id: &T| ::aiotools::__private::key_part(id))(&id);
    ::aiotools::__private::LruCache::get_stale_with(
            __aiotools_cache,
            __aiotools_key,
            async move {
                #[allow(
                    unreachable_code,
                    clippy::diverging_sub_expression,
                    clippy::needless_return
                )]
                if false {
                    return ::aiotools::__private::unreachable::<Page>();
                }
                let _ = &self;
                let id = id;
                self.get(id).await
            },
        )
        .await
}
