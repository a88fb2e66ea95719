#![deny(warnings, missing_docs, missing_debug_implementations, unreachable_pub, clippy::all)]
//! A function and its cache are imported together.

mod inner {
    #[derive(Clone)]
    pub(crate) struct Page(pub(crate) u32);

    /// Documented.
    #[aiotools::lru_cache]
    pub(crate) async fn fetch(id: u32) -> Page {
        Page(id)
    }

    #[aiotools::lru_cache(max_size = unlimited)]
    pub(super) async fn r#try(id: &str) -> Result<Page, std::sync::Arc<std::io::Error>> {
        if id.is_empty() {
            Err(std::io::Error::other("empty"))?;
        }
        Ok(Page(0))
    }
}

use inner::{fetch, r#try};

fn main() {
    let run = tokio::runtime::Builder::new_current_thread().build().unwrap();
    run.block_on(async {
        assert_eq!(fetch(1).await.0, 1);
        assert!(fetch::cache_invalidate(&1));
        assert_eq!(fetch::cache_info().hits, 0);
        assert!(r#try("").await.is_err());
        assert_eq!(r#try("a").await.unwrap().0, 0);
        r#try::cache_close().await;
    });
}
