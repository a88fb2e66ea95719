aiotools::context_var! {
    static DEPTH: u32 = 1;
}

fn main() {}
