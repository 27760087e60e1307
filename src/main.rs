//! Command line (see `src/README.md`).
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let source = dropheap::source::file::FileSource::open(std::path::Path::new(&args[1])).unwrap();
    let t = std::time::Instant::now();
    let r = dropheap::analyze(std::sync::Arc::new(source), Default::default(), &mut |_| std::ops::ControlFlow::Continue(()));
    let r = match r { Ok(r) => r, Err(e) => { eprintln!("{e}\n{e:#?}"); std::process::exit(1) } };
    eprintln!("{:?}", t.elapsed());
    if std::env::var("JSON").is_ok() { println!("{}", serde_json::to_string_pretty(&r).unwrap()); return; }
    println!("method_table,count,total_size,type_name");
    for m in &r.method_tables { println!("{},{},{},\"{}\"", m.method_table, m.count, m.total_size, m.type_name); }
    for e in &r.runtime.evidence { eprintln!("{}: {} ({})", e.what, e.value, e.how); }
    eprintln!("{} of {} explained, complete {}", r.heap.explained_bytes, r.heap.total_bytes, r.heap.complete);
    for f in &r.findings { eprintln!("{f:?}"); }
}
