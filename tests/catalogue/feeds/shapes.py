"""One catalogue in the shape of every export and feed."""

from __future__ import annotations

import csv
import json
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

import pyarrow as pa
import pyarrow.parquet as pq


@dataclass(frozen=True)
class Product:
    """A product of a shop; pictures are addresses."""

    sku: str
    name: str
    brand: str
    category: str
    gtin: str
    pictures: tuple[str, ...]

    @property
    def own(self) -> dict[str, str]:
        return {
            "product_id": self.sku,
            "image": ";".join(self.pictures),
            "name": self.name,
            "brand": self.brand,
            "category": self.category,
            "gtin": self.gtin,
        }


def write_csv(
    path: Path, rows: Iterable[Mapping[str, str]], delimiter: str = ",", encoding: str = "utf-8"
) -> Path:
    rows = list(rows)
    with path.open("w", newline="", encoding=encoding) as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter, lineterminator="\r\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_tsv(path: Path, rows: Iterable[Mapping[str, str]]) -> Path:
    """Unquoted, as registered with IANA."""
    rows = list(rows)
    lines = [rows[0].keys(), *(row.values() for row in rows)]
    path.write_text("".join("\t".join(line) + "\n" for line in lines), encoding="utf-8")
    return path


def shopify(path: Path, products: Sequence[Product]) -> Path:
    """As of before 2025: a row for each further picture, with its handle alone."""
    rows = []
    for product in products:
        empty = {"Title": "", "Body (HTML)": "", "Vendor": "", "Type": "", "Tags": ""}
        empty |= {"Published": "", "Option1 Name": "", "Option1 Value": "", "Variant SKU": ""}
        empty |= {"Variant Price": "", "Variant Barcode": ""}
        for position, picture in enumerate(product.pictures, 1):
            row = {"Handle": product.sku} | empty
            row |= {"Image Src": picture, "Image Position": str(position), "Status": ""}
            if position == 1:
                row |= {"Title": product.name, "Body (HTML)": "<p>Long, <b>bold</b>\ntext</p>"}
                row |= {"Vendor": product.brand, "Type": product.category, "Published": "TRUE"}
                row |= {"Option1 Name": "Title", "Option1 Value": "Default Title"}
                row |= {"Variant SKU": f"S-{product.sku}", "Variant Price": "12.90"}
                row |= {"Variant Barcode": f"'{product.gtin}", "Status": "active"}
            rows.append(row)
    return write_csv(path, rows)


def shopify_since_2025(path: Path, products: Sequence[Product]) -> Path:
    rows = []
    for product in products:
        for position, picture in enumerate(product.pictures, 1):
            first = position == 1
            rows.append(
                {
                    "Title": product.name if first else "",
                    "URL handle": product.sku,
                    "Description": "<p>Long</p>" if first else "",
                    "Vendor": product.brand if first else "",
                    "Type": product.category if first else "",
                    "Tags": "",
                    "SKU": f"S-{product.sku}" if first else "",
                    "Barcode": product.gtin if first else "",
                    "Option1 name": "Title" if first else "",
                    "Option1 value": "Default Title" if first else "",
                    "Price": "12.90" if first else "",
                    "Product image URL": picture,
                    "Variant image URL": "",
                }
            )
    return write_csv(path, rows)


def google_rows(products: Sequence[Product], between: str = "_") -> list[dict[str, str]]:
    return [
        {
            "id": product.sku,
            "title": product.name,
            "description": "Long text, with commas",
            "link": f"https://shop.example/{product.sku}",
            f"image{between}link": product.pictures[0],
            f"additional{between}image{between}link": ",".join(product.pictures[1:]),
            "availability": "in_stock",
            "price": "12.90 EUR",
            "brand": product.brand,
            "gtin": product.gtin,
            f"product{between}type": product.category,
        }
        for product in products
    ]


def google_tsv(path: Path, products: Sequence[Product]) -> Path:
    return write_tsv(path.with_suffix(".txt"), google_rows(products, " "))


def google_xml(path: Path, products: Sequence[Product]) -> Path:
    """RSS 2.0, each further picture in an element of its own."""
    items = []
    for product, row in zip(products, google_rows(products), strict=True):
        row.pop("additional_image_link")
        cells = [*row.items(), *(("additional_image_link", p) for p in product.pictures[1:])]
        own = "".join(f"<g:{name}>{escape(text)}</g:{name}>" for name, text in cells)
        shipping = "<g:shipping><g:country>DE</g:country><g:price>3 EUR</g:price></g:shipping>"
        items.append(f"<item>{own}{shipping}</item>")
    path = path.with_suffix(".xml")
    path.write_text(
        '<?xml version="1.0"?><rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel>'
        f"<title>Shop</title><link>https://shop.example</link>{''.join(items)}</channel></rss>",
        encoding="utf-8",
    )
    return path


def google_atom(path: Path, products: Sequence[Product]) -> Path:
    items = []
    for product, row in zip(products, google_rows(products), strict=True):
        title, _ = row.pop("title"), (row.pop("additional_image_link"), row.pop("link"))
        cells = [*row.items(), *(("additional_image_link", p) for p in product.pictures[1:])]
        own = "".join(f"<g:{name}>{escape(text)}</g:{name}>" for name, text in cells)
        items.append(
            f'<entry><title><![CDATA[{title}]]></title><link href="https://shop.example/"/>{own}'
            "</entry>"
        )
    path = path.with_suffix(".xml")
    path.write_text(
        '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="http://base.google.com/ns/1.0">'
        f"<title>Shop</title>{''.join(items)}</feed>",
        encoding="utf-8",
    )
    return path


def woocommerce(path: Path, products: Sequence[Product]) -> Path:
    return write_csv(
        path,
        [
            {
                "ID": str(number),
                "Type": "simple",
                "SKU": product.sku,
                "GTIN, UPC, EAN, or ISBN": product.gtin,
                "Name": product.name,
                "Published": "1",
                "Is featured?": "0",
                "Short description": "",
                "Description": "Long",
                "Stock": "3",
                "Regular price": "12.90",
                "Categories": product.category,
                "Images": ", ".join(product.pictures),
                "Parent": "",
                "Attribute 1 name": "Brand",
                "Attribute 1 value(s)": product.brand,
            }
            for number, product in enumerate(products, 10)
        ],
    )


def woocommerce_german(path: Path, products: Sequence[Product]) -> Path:
    return write_csv(
        path,
        [
            {
                "ID": str(number),
                "Typ": "simple",
                "Artikelnummer": product.sku,
                "GTIN, UPC, EAN oder ISBN": product.gtin,
                "Name": product.name,
                "Veröffentlicht": "1",
                "Beschreibung": "Lang",
                "Regulärer Preis": "12,90",
                "Kategorien": product.category,
                "Marken": product.brand,
                "Bilder": ", ".join(product.pictures),
                "Übergeordnetes Produkt": "",
            }
            for number, product in enumerate(products, 10)
        ],
    )


def woocommerce_french(path: Path, products: Sequence[Product]) -> Path:
    return write_csv(
        path,
        [
            {
                "ID": str(number),
                "Type": "simple",
                "UGS": product.sku,
                "GTIN, UPC, EAN ou ISBN": product.gtin,
                "Nom": product.name,
                "Publié": "1",
                "Tarif promo": "",
                "Tarif régulier": "12.90",
                "Catégories": product.category,
                "Images": ", ".join(product.pictures),
                "Parent": "",
                "Nom de l\u2019attribut 1": "Marque",
                "Valeur(s) de l\u2019attribut 1 ": product.brand,
                "Attribut 1 visible": "1",
            }
            for number, product in enumerate(products, 10)
        ],
    )


def node(product: Product) -> dict[str, object]:
    return {
        "@context": "https://schema.org/",
        "@type": "Product",
        "sku": product.sku,
        "name": product.name,
        "image": list(product.pictures) if len(product.pictures) > 1 else product.pictures[0],
        "description": "Long",
        "brand": {"@type": "Brand", "name": product.brand},
        "category": product.category,
        "gtin13": product.gtin,
        "offers": {"@type": "Offer", "price": 12.9, "priceCurrency": "EUR"},
    }


def json_ld(path: Path, products: Sequence[Product]) -> Path:
    graph = [{"@type": "BreadcrumbList", "name": "Shop"}, *map(node, products)]
    path = path.with_suffix(".jsonld")
    path.write_text(json.dumps({"@context": "https://schema.org", "@graph": graph}))
    return path


def json_ld_lines(path: Path, products: Sequence[Product]) -> Path:
    path = path.with_suffix(".jsonl")
    path.write_text("".join(json.dumps(node(product)) + "\n" for product in products))
    return path


Write = Callable[[Path, Sequence[Product]], Path]


def spreadsheet(names: Mapping[str, str], encoding: str) -> Write:
    """Semicolons, each picture in a column of its own."""

    def write(path: Path, products: Sequence[Product]) -> Path:
        most = max(len(product.pictures) for product in products)
        rows = []
        for product in products:
            row = {names[name]: text for name, text in product.own.items() if name != "image"}
            pictures = [*product.pictures, *[""] * (most - len(product.pictures))]
            row |= {f"{names['image']} {n}": picture for n, picture in enumerate(pictures, 1)}
            rows.append(row)
        return write_csv(path, rows, ";", encoding)

    return write


GERMAN = {
    "product_id": "Artikelnummer",
    "image": "Bild",
    "name": "Bezeichnung",
    "brand": "Marke",
    "category": "Warengruppe",
    "gtin": "EAN",
}
FRENCH = {
    "product_id": "Référence",
    "image": "Photo",
    "name": "Désignation",
    "brand": "Marque",
    "category": "Catégorie",
    "gtin": "Code-barres",
}


def own_csv(path: Path, products: Sequence[Product]) -> Path:
    return write_csv(path, [product.own for product in products])


def own_parquet(path: Path, products: Sequence[Product]) -> Path:
    rows = [product.own | {"image": list(product.pictures)} for product in products]
    path = path.with_suffix(".parquet")
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def workbook(path: Path, rows: Sequence[Sequence[str | float]], hidden: bool = False) -> Path:
    """The least that is a workbook, with numbers as numbers, and a hidden sheet first if wanted."""
    sheet = "".join(
        f"<row>{''.join(_cell(value) for value in row)}</row>" if any(row) else "<row/>"
        for row in rows
    )
    spread = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    kinds = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    names = ("Notes", "Products") if hidden else ("Products",)
    states = ' state="hidden"', ""
    listed = "".join(
        f'<sheet name="{name}" sheetId="{n}" r:id="r{n}"{states[name == "Products"]}/>'
        for n, name in enumerate(names, 1)
    )
    relations = "".join(
        f'<Relationship Id="r{n}" Type="{office}/worksheet" Target="worksheets/{name}.xml"/>'
        for n, name in enumerate(names, 1)
    )
    parts = "".join(
        f'<Override PartName="/xl/worksheets/{name}.xml" ContentType="{kinds}.worksheet+xml"/>'
        for name in names
    )
    files = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kinds}.sheet.main+xml"/>{parts}'
        "</Types>",
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" '
        f'Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{spread}" xmlns:r="{office}"><sheets>{listed}'
        "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships">{relations}'
        "</Relationships>",
        "xl/worksheets/Products.xml": f'<worksheet xmlns="{spread}"><sheetData>{sheet}</sheetData>'
        "</worksheet>",
        "xl/worksheets/Notes.xml": f'<worksheet xmlns="{spread}"><sheetData><row>{_cell("x")}</row>'
        "</sheetData></worksheet>",
    }
    path = path.with_suffix(".xlsx")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in files.items():
            packed.writestr(name, f'<?xml version="1.0" encoding="UTF-8"?>{text}')
    return path


def _cell(value: str | float) -> str:
    if isinstance(value, str):
        text = escape(value)
        return f'<c t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'
    return f"<c><v>{value}</v></c>"


def excel(path: Path, products: Sequence[Product]) -> Path:
    """With GTINs as numbers, as spreadsheets have them."""
    rows: list[list[str | float]] = [list(GERMAN.values())]
    for product in products:
        own = product.own
        rows.append([float(own[name]) if name == "gtin" else own[name] for name in GERMAN])
    return workbook(path, rows)


SHAPES: dict[str, Write] = {
    "own": own_csv,
    "parquet": own_parquet,
    "shopify": shopify,
    "shopify since 2025": shopify_since_2025,
    "google tsv": google_tsv,
    "google rss": google_xml,
    "google atom": google_atom,
    "woocommerce": woocommerce,
    "woocommerce german": woocommerce_german,
    "woocommerce french": woocommerce_french,
    "json-ld": json_ld,
    "json-ld lines": json_ld_lines,
    "excel": excel,
    "german": spreadsheet(GERMAN, "cp1252"),
    "french": spreadsheet(FRENCH, "utf-16"),
}
