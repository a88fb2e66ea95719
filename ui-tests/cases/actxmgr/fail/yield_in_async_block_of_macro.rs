use aiotools::actxmgr;

macro_rules! later {
    ($($body:tt)*) => {
        std::mem::forget(async { $($body)* })
    };
}

#[actxmgr]
async fn number() -> u32 {
    later!(yield_!(1););
}

fn main() {}
