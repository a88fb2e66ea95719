struct Cache;

impl Cache {
    #[aiotools::timer(interval = "1m")]
    async fn sweep(&self) {}
}

fn main() {}
