use aiotools::actxmgr;

struct Pool;

impl Pool {
    #[actxmgr]
    async fn lease(&self) -> u32 {
        yield_!(1);
    }
}

fn main() {}
