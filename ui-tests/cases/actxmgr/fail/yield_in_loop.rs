use aiotools::actxmgr;

#[actxmgr]
async fn number(numbers: Vec<u32>) -> u32 {
    for n in numbers {
        yield_!(n);
    }
}

fn main() {}
