aiotools::context_var! {
    static SHARED: std::rc::Rc<u32>;
}

fn main() {}
