//! Orders and their lines.

use std::io;

use super::super::Random;
use super::calendar::{Date, FIRST, LAST, TODAY};
use super::catalog::{SUPPLIERS_A_PART, price, supplier_of};
use super::words::{INSTRUCTIONS, MODES, PRIORITIES, amount, comment};
use super::{Scale, Sheet, Table};

pub(super) const ORDERS: Table = Table {
    name: "orders",
    columns: &[
        ("o_orderkey", "BIGINT"),
        ("o_custkey", "BIGINT"),
        ("o_orderstatus", "VARCHAR"),
        ("o_totalprice", "DOUBLE"),
        ("o_orderdate", "DATE"),
        ("o_orderpriority", "VARCHAR"),
        ("o_clerk", "VARCHAR"),
        ("o_shippriority", "BIGINT"),
        ("o_comment", "VARCHAR"),
    ],
};
pub(super) const LINEITEM: Table = Table {
    name: "lineitem",
    columns: &[
        ("l_orderkey", "BIGINT"),
        ("l_partkey", "BIGINT"),
        ("l_suppkey", "BIGINT"),
        ("l_linenumber", "BIGINT"),
        ("l_quantity", "DOUBLE"),
        ("l_extendedprice", "DOUBLE"),
        ("l_discount", "DOUBLE"),
        ("l_tax", "DOUBLE"),
        ("l_returnflag", "VARCHAR"),
        ("l_linestatus", "VARCHAR"),
        ("l_shipdate", "DATE"),
        ("l_commitdate", "DATE"),
        ("l_receiptdate", "DATE"),
        ("l_shipinstruct", "VARCHAR"),
        ("l_shipmode", "VARCHAR"),
        ("l_comment", "VARCHAR"),
    ],
};

/// A line of an order: what is bought, for how much, and when it goes out.
struct Line {
    part: u64,
    supplier: u64,
    quantity: i64,
    /// Cents.
    price: i64,
    /// Hundredths.
    discount: i64,
    tax: i64,
    shipped: Date,
    committed: Date,
    received: Date,
}

pub(super) fn write(orders: &mut Sheet, lines: &mut Sheet, scale: Scale) -> io::Result<()> {
    let mut random = Random::new(17);
    for number in 0..scale.orders {
        // Eight keys are used of every 32.
        let key = number / 8 * 32 + number % 8 + 1;
        let date = Date(random.between(FIRST.0, LAST.0));
        let count = 1 + random.below(7);
        let bought: Vec<Line> = (0..count).map(|_| Line::draw(&mut random, date, scale)).collect();
        for (index, line) in bought.iter().enumerate() {
            line.write(lines, &mut random, (key, index + 1))?;
        }
        order(orders, &mut random, (key, date, &bought, scale))?;
    }
    Ok(())
}

fn order(sheet: &mut Sheet, random: &mut Random, about: (u64, Date, &[Line], Scale)) -> io::Result<()> {
    let (key, date, lines, scale) = about;
    let customer = customer(random, scale);
    let open = lines.iter().filter(|line| line.is_open()).count();
    let status = match open {
        0 => 'F',
        all if all == lines.len() => 'O',
        _ => 'P',
    };
    let total: i64 = lines.iter().map(|line| line.price * (100 + line.tax) * (100 - line.discount) / 10_000).sum();
    let (total, priority) = (amount(total), random.one_of(&PRIORITIES));
    let (clerk, words) = (1 + random.below(scale.clerks), comment(random, 2));
    sheet.line(format_args!("{key},{customer},{status},{total},{date},{priority},Clerk#{clerk:09},0,{words}"))
}

/// A third of the customers never orders anything.
fn customer(random: &mut Random, scale: Scale) -> u64 {
    loop {
        let key = 1 + random.below(scale.customers);
        if !key.is_multiple_of(3) {
            return key;
        }
    }
}

impl Line {
    fn draw(random: &mut Random, ordered: Date, scale: Scale) -> Line {
        let part = 1 + random.below(scale.parts);
        let supplier = supplier_of(part, random.below(SUPPLIERS_A_PART), scale);
        let quantity = random.between(1, 50);
        let (discount, tax) = (random.between(0, 10), random.between(0, 8));
        let shipped = ordered.plus(random.between(1, 121));
        let committed = ordered.plus(random.between(30, 90));
        let received = shipped.plus(random.between(1, 30));
        let price = quantity * price(part);
        Line { part, supplier, quantity, price, discount, tax, shipped, committed, received }
    }

    fn is_open(&self) -> bool {
        self.shipped > TODAY
    }

    fn write(&self, sheet: &mut Sheet, random: &mut Random, (order, number): (u64, usize)) -> io::Result<()> {
        let Line { part, supplier, quantity, shipped, committed, received, .. } = self;
        let returned = if self.received > TODAY { 'N' } else { random.one_of(&['R', 'A']) };
        let status = if self.is_open() { 'O' } else { 'F' };
        let (price, discount, tax) = (amount(self.price), amount(self.discount), amount(self.tax));
        let (instruction, mode) = (random.one_of(&INSTRUCTIONS), random.one_of(&MODES));
        let words = comment(random, 1);
        sheet.line(format_args!(
            "{order},{part},{supplier},{number},{quantity},{price},{discount},{tax},{returned},{status},\
             {shipped},{committed},{received},{instruction},{mode},{words}"
        ))
    }
}
