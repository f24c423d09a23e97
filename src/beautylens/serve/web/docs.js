// The API description in Swagger UI, without requests to other hosts.
window.SwaggerUIBundle({ url: "openapi.json", dom_id: "#api", validatorUrl: "none" });
