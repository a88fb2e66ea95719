async fn page(&self, id: &u32) -> Page {
    let __aiotools_cache = &self.pages;
    let __aiotools_key = (|id: &u32| *id)(id);
    ::aiotools::__private::LruCache::get_with(
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
