use aiotools::actxmgr;

#[actxmgr]
async fn number() -> u32 {
    println!("set up");
}

fn main() {}
