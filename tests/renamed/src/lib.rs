//! A crate that knows aiotools under another name: each attribute finds it by `crate = path`, also one that the crate re-exports, and
//! the macros need not be told.

#![cfg_attr(test, deny(warnings))]

/// Where users of a crate that re-exports aiotools find it.
pub mod prelude {
    pub use aio as tools;
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use aio::{Exit, LruCache};

    use crate::prelude;

    #[aio::actxmgr(crate = aio, cleanup_timeout = "1s")]
    async fn number(n: u32) -> Result<&mut u32, std::io::Error> {
        let mut n = n;
        let _: Exit = yield_!(&mut n);
        Ok(())
    }

    #[aio::actxmgr(crate = crate::prelude::tools, local)]
    async fn local(n: std::rc::Rc<u32>) -> u32 {
        yield_!(*n);
    }

    #[prelude::tools::actxmgr(crate = prelude::tools, scoped)]
    async fn scoped(text: &str) -> usize {
        yield_!(text.len());
    }

    #[aio::test(crate = aio)]
    async fn renamed_managers() {
        let mut n = number(1).await.unwrap();
        *n += 1;
        n.exit().await.unwrap();
        assert_eq!(local(2.into()).scope(async |n| n + 1).await, 3);
        assert_eq!(scoped("four").scope(async |n| n).await, 4);
    }

    #[aio::timer(crate = aio, interval = "1s", policy = skip)]
    async fn tick(interval: std::time::Duration, ticks: Arc<std::sync::atomic::AtomicU32>) {
        let _ = interval;
        ticks.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }

    #[aio::timer(crate = super::prelude::tools, schedule = "0 3 * * *")]
    async fn at_three() -> Result<(), std::io::Error> {
        Ok(())
    }

    #[aio::test(crate = aio, virtual_clock)]
    async fn renamed_timers(clock: aio::VirtualClock) {
        let ticks = Arc::default();
        let timer = tick(Arc::clone(&ticks));
        let at_three = at_three();
        tokio::time::sleep(std::time::Duration::from_millis(2500)).await;
        timer.cancel().await;
        at_three.cancel().await;
        assert_eq!(ticks.load(std::sync::atomic::Ordering::Relaxed), 3);
        assert_eq!(clock.elapsed().as_millis(), 2500);
    }

    #[aio::lru_cache(crate = aio, expire_after = "1s", stale_while_revalidate = "1s")]
    async fn twice(n: u32) -> u32 {
        n * 2
    }

    struct Client(LruCache<String, usize>);

    impl Client {
        #[prelude::tools::lru_cache(crate = crate::prelude::tools, cache = self.0)]
        async fn length(&self, of: &str) -> Result<usize, std::num::ParseIntError> {
            Ok(of.len())
        }
    }

    #[aio::test(crate = aio, flavor = multi_thread, timeout = "10s")]
    async fn renamed_caches() {
        assert_eq!((twice(2).await, twice(2).await), (4, 4));
        assert_eq!(twice::cache_info().hits, 1);
        assert_eq!(Client(LruCache::new(1)).length("four").await, Ok(4));
    }

    #[aio::defer(crate = aio)]
    fn deferred(order: &std::cell::RefCell<Vec<u32>>) {
        defer!(order.borrow_mut().push(2));
        order.borrow_mut().push(1);
    }

    #[aio::adefer(crate = prelude::tools)]
    async fn deferred_async(order: Arc<std::sync::Mutex<Vec<u32>>>) -> Result<(), std::io::Error> {
        let later = Arc::clone(&order);
        defer!(async move { later.lock().unwrap().push(2) });
        order.lock().unwrap().push(1);
        Ok(())
    }

    #[aio::test(crate = aio)]
    async fn renamed_defer() {
        let order = std::cell::RefCell::default();
        deferred(&order);
        assert_eq!(*order.borrow(), [1, 2]);
        let order = Arc::default();
        deferred_async(Arc::clone(&order)).await.unwrap();
        assert_eq!(*order.lock().unwrap(), [1, 2]);
    }

    aio::context_var! {
        static REQUEST: u32;
    }

    #[aio::test(crate = prelude::tools)]
    async fn renamed_macros() {
        let read = aio::resetting(&REQUEST, 7, async { REQUEST.get() });
        assert_eq!(read.await, Some(7));
        let add = aio::apartial!(|a: u32, b: u32| a + b, 1, _);
        assert_eq!(add(2), 3);
    }

    mod program {
        #[aio::main(crate = aio, flavor = current_thread)]
        pub(super) async fn main() -> std::process::ExitCode {
            std::process::ExitCode::SUCCESS
        }
    }

    #[test]
    fn renamed_main() {
        let code = program::main();
        assert_eq!(code, std::process::ExitCode::SUCCESS);
    }

    /// These need a process of their own to run; that they compile is what this is about.
    #[cfg(unix)]
    mod server {
        #[aio::server(crate = aio)]
        async fn worker(ctx: aio::WorkerContext<u32, String>) -> std::io::Result<()> {
            let _ = (ctx.main_context(), ctx.args());
            let _: aio::Signal = yield_!();
            Ok(())
        }

        #[aio::main_context(crate = crate::prelude::tools)]
        fn setup() -> u32 {
            let _: aio::Signal = yield_!(7);
        }

        #[test]
        fn renamed_server() {
            let _ = aio::start_server(worker)
                .main_context(setup)
                .args(String::new());
        }
    }
}
