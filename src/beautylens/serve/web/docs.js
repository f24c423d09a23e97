// The API's description, drawn by Swagger UI; nothing is asked of other hosts.
window.SwaggerUIBundle({ url: "openapi.json", dom_id: "#api", validatorUrl: "none" });
