/**
 * A certificate for 127.0.0.1 that is its own authority, good for servers and clients of tests, and its key. It protects nothing: no
 * system trusts it. Valid until the year 2126.
 */

export const certificate = `-----BEGIN CERTIFICATE-----
MIIBpTCCAUygAwIBAgIUW0TpGM0UkDI6QigrYHIkMB2glcwwCgYIKoZIzj0EAwIw
HzEdMBsGA1UEAwwUdGVycml0b3J5LXN5bmMgdGVzdHMwIBcNMjYxMTIyMTg0MzI4
WhgPMjEyNjEwMjkxODQzMjhaMB8xHTAbBgNVBAMMFHRlcnJpdG9yeS1zeW5jIHRl
c3RzMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEQN3crOFSpzlgba1ZKDvI+dU3
a2Il9nX9vV9eF9UWdiQu9oWyhniqPB/0q8VNOKbANpFgQMVr6jKhn4dTcTlqNaNk
MGIwHQYDVR0OBBYEFEiwj88PjPIlRWNYjTWsjGYJAmQXMB8GA1UdIwQYMBaAFEiw
j88PjPIlRWNYjTWsjGYJAmQXMA8GA1UdEQQIMAaHBH8AAAEwDwYDVR0TAQH/BAUw
AwEB/zAKBggqhkjOPQQDAgNHADBEAiBy8XLMT7OFVSRi5zPtZlJKrZ6AXHqYpJlp
4gEKXP+/8AIgLKwJgbCyqmhecZiO0rVlGJEENE50atJxchbvWRtrumM=
-----END CERTIFICATE-----
`;

export const certificateKey = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgsceYb7/Fs/OMW/hP
zClvkqnebxOfk0s0BydmTp1nloKhRANCAARA3dys4VKnOWBtrVkoO8j51TdrYiX2
df29X14X1RZ2JC72hbKGeKo8H/SrxU04psA2kWBAxWvqMqGfh1NxOWo1
-----END PRIVATE KEY-----
`;
