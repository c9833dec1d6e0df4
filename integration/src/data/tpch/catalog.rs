//! What is not sold but sells: regions, nations, suppliers, customers, parts, and who supplies which part at what cost.

use std::io;

use super::super::Random;
use super::words::{COLORS, CONTAINERS, NATIONS, REGIONS, SEGMENTS, TYPES, address, amount, combined, comment, phone};
use super::{Scale, Sheet, Table};

pub(super) const REGION: Table =
    Table { name: "region", columns: &[("r_regionkey", "BIGINT"), ("r_name", "VARCHAR"), ("r_comment", "VARCHAR")] };
pub(super) const NATION: Table = Table {
    name: "nation",
    columns: &[("n_nationkey", "BIGINT"), ("n_name", "VARCHAR"), ("n_regionkey", "BIGINT"), ("n_comment", "VARCHAR")],
};
pub(super) const SUPPLIER: Table = Table {
    name: "supplier",
    columns: &[
        ("s_suppkey", "BIGINT"),
        ("s_name", "VARCHAR"),
        ("s_address", "VARCHAR"),
        ("s_nationkey", "BIGINT"),
        ("s_phone", "VARCHAR"),
        ("s_acctbal", "DOUBLE"),
        ("s_comment", "VARCHAR"),
    ],
};
pub(super) const CUSTOMER: Table = Table {
    name: "customer",
    columns: &[
        ("c_custkey", "BIGINT"),
        ("c_name", "VARCHAR"),
        ("c_address", "VARCHAR"),
        ("c_nationkey", "BIGINT"),
        ("c_phone", "VARCHAR"),
        ("c_acctbal", "DOUBLE"),
        ("c_mktsegment", "VARCHAR"),
        ("c_comment", "VARCHAR"),
    ],
};
pub(super) const PART: Table = Table {
    name: "part",
    columns: &[
        ("p_partkey", "BIGINT"),
        ("p_name", "VARCHAR"),
        ("p_mfgr", "VARCHAR"),
        ("p_brand", "VARCHAR"),
        ("p_type", "VARCHAR"),
        ("p_size", "BIGINT"),
        ("p_container", "VARCHAR"),
        ("p_retailprice", "DOUBLE"),
        ("p_comment", "VARCHAR"),
    ],
};
pub(super) const PARTSUPP: Table = Table {
    name: "partsupp",
    columns: &[
        ("ps_partkey", "BIGINT"),
        ("ps_suppkey", "BIGINT"),
        ("ps_availqty", "BIGINT"),
        ("ps_supplycost", "DOUBLE"),
        ("ps_comment", "VARCHAR"),
    ],
};

/// Writes the rows of one table.
type Fill = fn(&mut Sheet, Scale) -> io::Result<()>;

/// The tables of this file, and who writes them.
pub(super) const FILLS: [(Table, Fill); 6] = [
    (REGION, regions),
    (NATION, nations),
    (SUPPLIER, suppliers),
    (CUSTOMER, customers),
    (PART, parts),
    (PARTSUPP, partsupps),
];

/// Suppliers of each part.
pub(super) const SUPPLIERS_A_PART: u64 = 4;

/// The `index`-th supplier of a part; four different ones: three steps of less than a third of all never come round. From 240
/// suppliers on this is the specification's formula.
pub(super) fn supplier_of(part: u64, index: u64, scale: Scale) -> u64 {
    let suppliers = scale.suppliers;
    let least = suppliers / SUPPLIERS_A_PART;
    let step = least + (part - 1) / suppliers % (suppliers.div_ceil(3) - least);
    (part + index * step) % suppliers + 1
}

/// What a part costs in a shop, in cents.
pub(super) fn price(part: u64) -> i64 {
    (90_000 + part / 10 % 20_001 + 100 * (part % 1_000)).cast_signed()
}

fn regions(sheet: &mut Sheet, _: Scale) -> io::Result<()> {
    let mut random = Random::new(11);
    for (key, name) in REGIONS.iter().enumerate() {
        sheet.line(format_args!("{key},{name},{}", comment(&mut random, 2)))?;
    }
    Ok(())
}

fn nations(sheet: &mut Sheet, _: Scale) -> io::Result<()> {
    let mut random = Random::new(12);
    for (key, (name, region)) in NATIONS.iter().enumerate() {
        sheet.line(format_args!("{key},{name},{region},{}", comment(&mut random, 2)))?;
    }
    Ok(())
}

fn suppliers(sheet: &mut Sheet, scale: Scale) -> io::Result<()> {
    let mut random = Random::new(13);
    for key in 1..=scale.suppliers {
        let nation = random.below(25);
        let (address, phone) = (address(&mut random), phone(&mut random, nation));
        let balance = amount(random.between(-99_999, 999_999));
        let mut words = comment(&mut random, 2);
        // The specification has five of each in ten thousand, which would be none at small scales.
        match key % 50 {
            7 => words += " Customer foxes Complaints",
            31 => words += " Customer ideas Recommends",
            _ => (),
        }
        sheet.line(format_args!("{key},Supplier#{key:09},{address},{nation},{phone},{balance},{words}"))?;
    }
    Ok(())
}

fn customers(sheet: &mut Sheet, scale: Scale) -> io::Result<()> {
    let mut random = Random::new(14);
    for key in 1..=scale.customers {
        let nation = random.below(25);
        let (address, phone) = (address(&mut random), phone(&mut random, nation));
        let balance = amount(random.between(-99_999, 999_999));
        let (segment, words) = (random.one_of(&SEGMENTS), comment(&mut random, 2));
        sheet.line(format_args!("{key},Customer#{key:09},{address},{nation},{phone},{balance},{segment},{words}"))?;
    }
    Ok(())
}

fn parts(sheet: &mut Sheet, scale: Scale) -> io::Result<()> {
    let mut random = Random::new(15);
    for key in 1..=scale.parts {
        let name = combined(&mut random, &[&COLORS[..]; 5]);
        let maker = random.between(1, 5);
        let (brand, kind) = (maker * 10 + random.between(1, 5), combined(&mut random, &TYPES));
        let (size, container) = (random.between(1, 50), combined(&mut random, &CONTAINERS));
        let (price, words) = (amount(price(key)), comment(&mut random, 1));
        sheet.line(format_args!(
            "{key},{name},Manufacturer#{maker},Brand#{brand},{kind},{size},{container},{price},{words}"
        ))?;
    }
    Ok(())
}

fn partsupps(sheet: &mut Sheet, scale: Scale) -> io::Result<()> {
    let mut random = Random::new(16);
    for part in 1..=scale.parts {
        for index in 0..SUPPLIERS_A_PART {
            let supplier = supplier_of(part, index, scale);
            let (available, cost) = (random.between(1, 9_999), amount(random.between(100, 100_000)));
            let words = comment(&mut random, 3);
            sheet.line(format_args!("{part},{supplier},{available},{cost},{words}"))?;
        }
    }
    Ok(())
}
