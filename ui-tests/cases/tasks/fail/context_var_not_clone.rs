aiotools::context_var! {
    static LOCK: std::sync::Mutex<u32>;
}

fn main() {}
