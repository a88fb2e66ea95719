use aiotools::actxmgr;

macro_rules! elsewhere {
    ($($body:tt)*) => {
        async fn inner() { $($body)* }
    };
}

#[actxmgr]
async fn number() -> u32 {
    elsewhere!(yield_!(1););
}

fn main() {}
