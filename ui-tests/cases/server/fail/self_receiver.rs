struct Worker;

impl Worker {
    #[aiotools::server]
    async fn work(self) {
        yield_!();
    }
}

fn main() {}
