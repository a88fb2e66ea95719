use aiotools::actxmgr;

use std::fmt::Display;
use std::sync::Arc;

#[actxmgr]
async fn patterns((a, _): (u32, String), [x, .., y]: [u32; 3], _: Arc<()>, mut n: u32) -> u32 {
    n += 1;
    yield_!(a + x + y + n);
}

#[actxmgr]
async fn opaque(what: impl Display + Send + 'static, #[cfg(any())] gone: u32) -> impl Display {
    yield_!(what.to_string());
}

#[actxmgr]
async fn generic<T, const N: usize>(items: [T; N]) -> [T; N]
where
    T: Send + 'static,
{
    yield_!(items);
}

struct Pool;

impl Pool {
    #[actxmgr]
    async fn shared(self: Arc<Self>) -> &Pool {
        yield_!(&self);
    }

    #[actxmgr]
    async fn owned(mut self) -> &mut Pool {
        self = Pool;
        yield_!(&mut self);
    }

    #[actxmgr(scoped)]
    async fn borrowed(&mut self, name: &str) -> (&mut Pool, &str) {
        yield_!((self, name));
    }
}

fn main() {}
