//! Snapshots of the expansion: `UPDATE_EXPECT=1 cargo test -p aiotools-macros` writes them anew.

use super::attribute;
use crate::testing::snapshots;

snapshots! { attribute:
    minimal() {
        async fn fetch(id: u32) -> u32 {
            id
        }
    }

    every_argument(max_size = SIZE, expire_after = "1m30s", stale_while_revalidate = "1h", key = |id, lang: &String| -> (u32, String) { (*id, lang.clone()) }, on_error = retry, crate = aio) {
        /// Documented.
        #[cfg(unix)]
        pub async fn fetch(db: Db, id: u32, mut lang: String) -> io::Result<Page> {
            db.page(id, lang).await
        }
    }

    borrowed(max_size = unlimited) {
        async fn fetch<'a>(url: &'a str, (a, b): (u8, u8)) -> Result<Page, Error> {
            get(url, a, b).await
        }
    }

    method(cache = self.pages, stale_while_revalidate) {
        pub(crate) async fn page<T: Clone>(self: Arc<Self>, id: T) -> Page {
            self.get(id).await
        }
    }

    method_borrowed(cache = self.pages, key = |id| *id) {
        async fn page(&self, id: &u32) -> Page {
            self.get(id).await
        }
    }

    fallback(max_size = unlimited, ttl = "1m") {
        async fn fetch(id: u32) -> u32 {
            id
        }
    }

    echo() {
        struct Fetch;
    }
}
