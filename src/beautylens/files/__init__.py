"""Files and folders here, in object storage and on the web: addresses, names, safe writing."""
