use aiotools::actxmgr;

trait Number {
    #[actxmgr]
    async fn number(&self) -> u32;
}

fn main() {}
