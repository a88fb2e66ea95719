use aiotools::actxmgr;

macro_rules! now {
    ($($body:tt)*) => {
        (async || { $($body)* })().await
    };
}

#[actxmgr]
async fn number() -> u32 {
    now!(yield_!(1););
}

fn main() {}
