"""Variants, attributes and columns of each known feed, and of tables with usual names."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

from beautylens.catalogue.table import Catalogue, catalogue_of, read_catalogue
from beautylens.errors import TableError
from beautylens.files.paths import RemotePath
from tests.catalogue.feeds.shapes import node, write_csv, write_tsv
from tests.catalogue.feeds.test_shapes import Product, gtin_of

CDN = "https://cdn.shop.example"
RED, BLUE = gtin_of(1), gtin_of(2)


def by_product(catalogue: Catalogue) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = {}
    for row in catalogue.rows.to_pylist():
        product = found.setdefault(row["product_id"], {**row, "images": []})
        product["images"] = [*product["images"], row["image"].removeprefix(f"{CDN}/")]  # type: ignore[misc]
    return found


def shopify_with_variants(folder: Path) -> Path:
    """A lipstick of two shades, the first with a picture of its own, and a pencil."""
    columns = (
        *("Handle", "Title", "Body (HTML)", "Vendor", "Type", "Tags", "Published", "Option1 Name"),
        *("Option1 Value", "Variant SKU", "Variant Price", "Variant Barcode", "Image Src"),
        *("Variant Image", "Status"),
    )
    rows = [
        ("lip", "Lip", "x", "Kumo", "lips", "a, b", "TRUE", "Shade", "Red", "L1", "9.90", RED,
         f"{CDN}/lip.jpg", f"{CDN}/red.jpg", "active"),
        ("lip", "", "", "", "", "", "", "", "Blue", "L2", "8.90", BLUE, f"{CDN}/box.jpg", "", ""),
        ("lip", "", "", "", "", "", "", "", "", "", "", "", f"{CDN}/back.jpg", "", ""),
        ("pen", "Pen", "x", "Kumo", "eyes", "", "TRUE", "Title", "Default Title", "", "5", "",
         f"{CDN}/pen.jpg", "", "draft"),
    ]  # fmt: skip
    rows_by_name = [dict(zip(columns, row, strict=True)) for row in rows]
    return write_csv(folder / "products.csv", rows_by_name)


def test_shopify_variants_are_one_product_with_all_pictures_and_codes(tmp_path: Path) -> None:
    catalogue = read_catalogue(shopify_with_variants(tmp_path))
    products = by_product(catalogue)
    assert list(products) == ["lip", "pen"]
    lip = products["lip"]
    assert lip["images"] == ["lip.jpg", "red.jpg", "box.jpg", "back.jpg"]
    assert (lip["gtin"], lip["sku"], lip["shade"]) == (f"{RED};{BLUE}", "L1;L2", "Red, Blue")
    assert (lip["name"], lip["brand"], lip["row"]) == ("Lip", "Kumo", 1)
    assert (products["pen"]["shade"], products["pen"]["status"]) == ("", "draft")
    assert products["pen"]["row"] == 4
    assert catalogue.faults == ()
    assert catalogue.feed == "Shopify product CSV"
    assert catalogue.sources["product_id"] == ("Handle",)
    assert catalogue.sources["name"] == ("Title",)
    assert catalogue.ignored == ("Body (HTML)", "Published")


def test_shopify_variants_can_be_products(tmp_path: Path) -> None:
    catalogue = read_catalogue(shopify_with_variants(tmp_path), variants="products")
    products = by_product(catalogue)
    assert list(products) == ["L1", "L2", "pen"]
    assert products["L1"]["images"] == ["red.jpg"]
    # Without a picture of its own a variant has those of the product.
    assert products["L2"]["images"] == ["lip.jpg", "red.jpg", "box.jpg", "back.jpg"]
    assert [products[each]["name"] for each in products] == ["Lip Red", "Lip Blue", "Pen"]
    assert [products[each]["gtin"] for each in products] == [RED, BLUE, ""]
    assert [products[each]["price"] for each in products] == ["9.9", "8.9", "5"]
    assert [products[each]["handle"] for each in products] == ["lip", "lip", "pen"]
    assert [products[each]["row"] for each in products] == [1, 2, 4]


def test_shopify_variants_of_one_sku_are_told_apart_by_their_options(tmp_path: Path) -> None:
    path = shopify_with_variants(tmp_path)
    path.write_text(path.read_text().replace("L2", "L1"))
    assert list(by_product(read_catalogue(path, variants="products"))) == [
        "lip/Red",
        "lip/Blue",
        "pen",
    ]


def test_a_choice_of_variants_without_a_feed_is_noted(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("product_id,image\np1,a.jpg\n")
    (note,) = read_catalogue(path, variants="one").notes
    assert "no known feed" in note


def test_an_unknown_kind_of_variants_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="variants are 'products' or 'one', not 'all'"):
        read_catalogue(shopify_with_variants(tmp_path), variants="all")


WOO = {
    "ID": "", "Type": "simple", "SKU": "", "Name": "", "Published": "1", "Regular price": "",
    "Categories": "", "Images": "", "Parent": "", "Meta: _ean": "", "Attribute 1 name": "",
    "Attribute 1 value(s)": "", "Attribute 2 name": "", "Attribute 2 value(s)": "",
}  # fmt: skip
SHADE = {"Attribute 1 name": "Shade"}


def woocommerce_with_variants(folder: Path) -> Path:
    rows = [
        {"ID": "1", "Type": "variable", "SKU": "lip", "Name": "Lip", "Categories": "Lips",
         "Images": f"{CDN}/lip.jpg, {CDN}/back.jpg", **SHADE,
         "Attribute 1 value(s)": "Red, Blue", "Attribute 2 name": "Marke",
         "Attribute 2 value(s)": "Kumo"},
        {"ID": "2", "Type": "variation", "SKU": "lip-red", "Name": "Lip - Red", "Parent": "lip",
         "Images": f"{CDN}/red.jpg", "Meta: _ean": RED, **SHADE, "Attribute 1 value(s)": "Red"},
        {"ID": "3", "Type": "variation", "Parent": "id:1", "Meta: _ean": BLUE, **SHADE,
         "Attribute 1 value(s)": "Blue"},
        {"ID": "4", "Name": "Pen", "Images": f"{CDN}/pen.jpg", "Regular price": "5"},
    ]  # fmt: skip
    return write_csv(folder / "wc-product-export.csv", [WOO | row for row in rows])


def test_woocommerce_variations_are_one_product_or_several(tmp_path: Path) -> None:
    path = woocommerce_with_variants(tmp_path)
    one = by_product(read_catalogue(path))
    assert list(one) == ["lip", "4"]
    assert one["lip"]["images"] == ["lip.jpg", "back.jpg", "red.jpg"]
    assert one["lip"]["gtin"] == f"{RED};{BLUE}"
    assert (one["lip"]["brand"], one["lip"]["category"]) == ("Kumo", "Lips")
    assert one["lip"]["shade"] == "Red, Blue"
    products = by_product(read_catalogue(path, variants="products"))
    assert list(products) == ["lip-red", "3", "4"]
    assert products["lip-red"]["images"] == ["red.jpg"]
    assert products["3"]["images"] == ["lip.jpg", "back.jpg"]
    assert [products[each]["name"] for each in products] == ["Lip - Red", "Lip Blue", "Pen"]
    assert [products[each]["gtin"] for each in products] == [RED, BLUE, ""]
    assert [products[each]["brand"] for each in products] == ["Kumo", "Kumo", ""]
    assert [products[each]["shade"] for each in products] == ["Red", "Blue", ""]
    assert [products[each]["row"] for each in products] == [2, 3, 4]


def test_items_of_a_google_group_are_products_or_one(tmp_path: Path) -> None:
    rows = [
        {"id": f"l{n}", "title": "Lip", "image_link": f"{CDN}/{n}.jpg", "item_group_id": group}
        for n, group in enumerate(("lip", "lip", ""))
    ]
    path = write_tsv(tmp_path / "feed.tsv", rows)
    assert list(by_product(read_catalogue(path))) == ["l0", "l1", "l2"]
    one = by_product(read_catalogue(path, variants="one"))
    assert {product: facts["images"] for product, facts in one.items()} == {
        "lip": ["0.jpg", "1.jpg"],
        "l2": ["2.jpg"],
    }


def test_variants_of_a_schema_org_group_are_products_or_one(tmp_path: Path) -> None:
    group = {
        "@type": "ProductGroup",
        "productGroupID": "lip",
        "name": "Lip",
        "brand": "Kumo",
        "hasVariant": [
            {
                "@type": "Product",
                "sku": f"lip-{color}",
                "color": color,
                "image": {"@type": "ImageObject", "contentUrl": f"{CDN}/{color}.jpg"},
                "offers": [{"@type": "Offer", "gtin13": gtin, "price": "9.90"}],
            }
            for color, gtin in (("red", RED), ("blue", BLUE))
        ],
    }
    path = tmp_path / "products.json"
    path.write_text(json.dumps([group]))
    products = by_product(read_catalogue(path))
    assert list(products) == ["lip-red", "lip-blue"]
    assert [facts["gtin"] for facts in products.values()] == [RED, BLUE]
    assert {facts["brand"] for facts in products.values()} == {"Kumo"}
    one = by_product(read_catalogue(path, variants="one"))
    assert one["lip"]["images"] == ["red.jpg", "blue.jpg"]
    assert (one["lip"]["gtin"], one["lip"]["color"]) == (f"{RED};{BLUE}", "red, blue")


def test_the_export_of_open_beauty_facts_is_recognised_by_its_tabs(tmp_path: Path) -> None:
    row = {"code": RED, "url": "https://x.org/p", "creator": "me", "product_name": "Soap &amp; Oil"}
    row |= {"brands": 'Le "Petit', "categories": "Soaps", "image_url": f"{CDN}/soap.jpg"}
    path = write_tsv(tmp_path / "products.csv", [row])
    catalogue = read_catalogue(path)
    (product,) = by_product(catalogue).values()
    assert (product["product_id"], product["gtin"]) == (RED, RED)
    assert (product["name"], product["brand"]) == ("Soap & Oil", 'Le "Petit')
    assert catalogue.ignored == ("creator",)


def test_columns_that_are_not_recognised_can_be_named(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("Kürzel,Ansicht,Rückseite,Text,Strichcode\np1,a.jpg,b.jpg,Soap,x\n")
    columns = {"product_id": "Kürzel", "image": ("Ansicht", "ruckseite"), "name": "Text"}
    catalogue = read_catalogue(path, columns=columns)
    (product,) = by_product(catalogue).values()
    assert (product["product_id"], product["name"]) == ("p1", "Soap")
    assert product["images"] == ["a.jpg", "b.jpg"]
    assert catalogue.sources == {
        "product_id": ("Kürzel",),
        "image": ("Ansicht", "Rückseite"),
        "name": ("Text",),
        "gtin": ("Strichcode",),
    }
    with pytest.raises(TableError, match=r"has no column 'Texte' .*; did you mean 'Text'"):
        read_catalogue(path, columns={"name": "Texte"})


def test_named_columns_replace_those_of_a_feed(tmp_path: Path) -> None:
    path = shopify_with_variants(tmp_path)
    products = by_product(read_catalogue(path, columns={"name": "Body (HTML)", "range": "Vendor"}))
    assert (products["lip"]["name"], products["lip"]["range"]) == ("x", "Kumo")


def test_columns_of_the_catalogue_are_never_taken_from_others(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("id,product_id,image,photo,name,title,ean,gtin\n7,p1,a.jpg,b,Soap,X,1,2\n")
    catalogue = read_catalogue(path)
    (product,) = by_product(catalogue).values()
    assert product["product_id"] == "p1"
    assert (product["name"], product["title"], product["gtin"], product["ean"]) == (
        *("Soap", "X", "2", "1"),
    )
    assert product["images"] == ["a.jpg"]
    assert catalogue.sources == {}


def test_all_item_numbers_of_a_table_are_kept_and_stand_in_for_an_id(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(f"EAN,UPC,Titel,Bild\n{RED},{BLUE},Soap,a.jpg\n")
    (product,) = by_product(read_catalogue(path)).values()
    assert (product["product_id"], product["gtin"]) == (RED, f"{RED};{BLUE}")


DOCTYPE = '<!DOCTYPE rss [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (f"{DOCTYPE}<rss><item><id>&b;</id></item></rss>", "has a document type"),
        ('<!DOCTYPE rss SYSTEM "file:///etc/passwd"><rss/>', "has a document type"),
        ("<rss><item></rss>", "line 1 is not XML (mismatched tag); export it again"),
        ("<a>" * 60, "nests elements too deep"),
        ("<rss/>", "has no rows"),
    ],
)
def test_xml_that_is_no_feed_or_dangerous_is_refused(tmp_path: Path, text: str, fault: str) -> None:
    path = tmp_path / "feed.xml"
    path.write_text(text)
    with pytest.raises(TableError) as error:
        read_catalogue(path)
    assert fault in str(error.value)


def test_a_feed_without_a_telling_suffix_is_known_by_its_content(tmp_path: Path) -> None:
    product = Product("p1", "Soap", "Kumo", "soap", RED, (f"{CDN}/a.jpg",))
    for text in (
        "<rss><channel><item><id>p1</id><image_link>a.jpg</image_link></item></channel></rss>",
        "id\timage_link\np1\ta.jpg\n",
        json.dumps([node(product) | {"sku": "p1", "image": "a.jpg"}]),
        '{"id": "p1", "image": "a.jpg"}\n{"id": "p2", "image": "b.jpg"}\n',
    ):
        path = tmp_path / "feed.txt"
        path.write_text(text)
        assert read_catalogue(path).rows["image_id"].to_pylist()[0] == "p1/a.jpg"
    path.write_text("<!doctype html><html></html>")
    with pytest.raises(TableError, match="is an HTML page, not a table"):
        read_catalogue(path)


@pytest.mark.parametrize(
    "image",
    ["/etc/hostname.jpg", "file:///etc/hostname.jpg", "../../etc/hostname.jpg", r"C:\a.jpg"],
)
def test_a_feed_on_the_web_names_no_file_of_this_machine(image: str) -> None:
    folder = RemotePath("https://shop.example/feeds")
    table = pa.table({"product_id": ["p"], "image": [image]})
    catalogue = catalogue_of("feed", table, folder)
    path = catalogue.image_path(catalogue.rows["image"][0].as_py())
    assert str(path).startswith("https://shop.example/")


def test_entities_of_html_are_read_in_links_and_names_and_kept_in_descriptions(
    tmp_path: Path,
) -> None:
    path = tmp_path / "feed.tsv"
    path.write_text(
        "id\ttitle\tbrand\timage_link\tlink\tnotes\n"
        "p1\tOil &amp; Balm\tL&#39;Or&nbsp;A\ta.jpg\thttps://x.org/?a=1&amp;b=2\t&lt;b&gt;\n"
    )
    row = read_catalogue(path).rows.to_pylist()[0]
    assert (row["name"], row["brand"]) == ("Oil & Balm", "L'Or\u00a0A")
    assert (row["link"], row["notes"]) == ("https://x.org/?a=1&b=2", "&lt;b&gt;")
