/** For tests only, valid for a hundred years. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TlsFiles } from '../../gateway/edge/engine.js'

/** `localhost` and 127.0.0.1, signed by itself. */
export const CERTIFICATE = {
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgfGI6EgkcCiJpsHLN
NvxSgTgqMBCGxfrwuYnir0qNJqihRANCAATZvjLiObl6yH6bFy2n8hFyOThwsnfs
kzjyAqSHBF+30JWyob7++8umA8TkE67jhiEosCBmUUwJbFwGlIXZjYIk
-----END PRIVATE KEY-----
`,
  cert: `-----BEGIN CERTIFICATE-----
MIIBnDCCAUGgAwIBAgIUBqv4f+0Gtsfn6QIC4NQh8zKe2OwwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMDA2NDIxOVoYDzIxMjYxMDI3
MDY0MjE5WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAATZvjLiObl6yH6bFy2n8hFyOThwsnfskzjyAqSHBF+30JWyob7++8um
A8TkE67jhiEosCBmUUwJbFwGlIXZjYIko28wbTAdBgNVHQ4EFgQUqvvf4QTATqWo
vmq/9Jt7xOc1l3wwHwYDVR0jBBgwFoAUqvvf4QTATqWovmq/9Jt7xOc1l3wwDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDSQAwRgIhAKWuScIPiwFaPDWeaMcevenIyBPSRDN55IioZYKoJkmKAiEA
qp9NzDrMXsJuWLEURZAQrrLC06ulYWOu38iSg4KPijk=
-----END CERTIFICATE-----
`,
}

/** The same for the same names, by the name `renewed`. */
export const RENEWED = {
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQghfU2yQjrWaliVfSP
6I373rV7YTLaQe7JwJ1lAbUXtXahRANCAAQaPHYyNTA52Sd4ToKiuFvRU4KInDMt
lHCZyhMM7/yrwvhIramBUO2MHNOgjLUSmybJyG1YMRsyRNpeu4q0uXYS
-----END PRIVATE KEY-----
`,
  cert: `-----BEGIN CERTIFICATE-----
MIIBljCCAT2gAwIBAgIUfyqqnTbR+Puuenix8ywJTDvS8C8wCgYIKoZIzj0EAwIw
EjEQMA4GA1UEAwwHcmVuZXdlZDAgFw0yNjExMjAwODM3MzlaGA8yMTI2MTAyNzA4
MzczOVowEjEQMA4GA1UEAwwHcmVuZXdlZDBZMBMGByqGSM49AgEGCCqGSM49AwEH
A0IABBo8djI1MDnZJ3hOgqK4W9FTgoicMy2UcJnKEwzv/KvC+EitqYFQ7Ywc06CM
tRKbJsnIbVgxGzJE2l67irS5dhKjbzBtMB0GA1UdDgQWBBSufsPFIREt1ZylMIom
9OjRu54icjAfBgNVHSMEGDAWgBSufsPFIREt1ZylMIom9OjRu54icjAPBgNVHRMB
Af8EBTADAQH/MBoGA1UdEQQTMBGCCWxvY2FsaG9zdIcEfwAAATAKBggqhkjOPQQD
AgNHADBEAiBXzibzzkMnq5iEMeBOuxCTEGczmO7XxG02uq8hODT3IwIgQfdO7ZkK
GshATfUFylv8S0gM9jhsoxUSmMaJLKXqjM4=
-----END CERTIFICATE-----
`,
}

/** The key of `RENEWED` under a passphrase. */
export const ENCRYPTED = {
  passphrase: 'open sesame',
  key: `-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAieT81DAKHSyQICCAAw
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEDkrN5f1nUT6gxZCKx6EqesEgZAD
yCQ3o6LirKguyoKQcXqI/UnRpqvi3+UHWitFJc0LoYPay1R243fOQNnnIb8XIEY1
L3WxZ3I/qP7Xx2RQrEcXSkBdUC8LZexzK55OtZo83hbTJBSfVRoTM5W7j7ISuEPj
967zM6ZcDFDWJDPBOi49nzYs0J7QniiX59rzCp67fvQyMKtioSDx3rXPKzPhTYg=
-----END ENCRYPTED PRIVATE KEY-----
`,
}

/** Signs certificates of callers, one of which this is. */
export const CALLERS = `-----BEGIN CERTIFICATE-----
MIIBezCCASGgAwIBAgIUQd8IG/5oth/Ecb98mnNJeT5SGMswCgYIKoZIzj0EAwIw
EjEQMA4GA1UEAwwHY2FsbGVyczAgFw0yNjExMjAwODM3MzlaGA8yMTI2MTAyNzA4
MzczOVowEjEQMA4GA1UEAwwHY2FsbGVyczBZMBMGByqGSM49AgEGCCqGSM49AwEH
A0IABKq1WlvyN+C48Oa/SpvkuCTDjeJC+u+aQu0MHJin3Fcv0NhzYnAQEMQjugAu
0lzqqtH0Da6fGO2XiPHEC9wRCkSjUzBRMB0GA1UdDgQWBBQ+zf0N5dpJYFS3LHnp
B7nRUF7A1DAfBgNVHSMEGDAWgBQ+zf0N5dpJYFS3LHnpB7nRUF7A1DAPBgNVHRMB
Af8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIQDMK5ff3CxAmwAMiNPntsgOwQbj
wK4+osJCQlXf9INuOQIgJbF6QYSpWSJ3aPMLYsxAT3a1tgozno9fzMzitoqOJWw=
-----END CERTIFICATE-----
`
export const CALLER = {
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgU+bvYFjU3XAPCoP/
FYOP9vKSZusu2mPSnPH6uUuNuNehRANCAAQ0Vgsx/naAsRzIERdsoby11YV6DNtS
Si6/+v2CKhiLwKoU1eDD9BAcmjGeEfFtIjQq3UhbNxP4+ujcjsNmUMdg
-----END PRIVATE KEY-----
`,
  cert: `-----BEGIN CERTIFICATE-----
MIIBHzCBxgIUdndqAxW/Z5FNt/Yh00BGzGa/DzQwCgYIKoZIzj0EAwIwEjEQMA4G
A1UEAwwHY2FsbGVyczAgFw0yNjExMjAwODM3MzlaGA8yMTI2MTAyNzA4MzczOVow
ETEPMA0GA1UEAwwGY2FsbGVyMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAENFYL
Mf52gLEcyBEXbKG8tdWFegzbUkouv/r9gioYi8CqFNXgw/QQHJoxnhHxbSI0Kt1I
WzcT+Pro3I7DZlDHYDAKBggqhkjOPQQDAgNIADBFAiAgl/+ysL1X2KnZDj/CIFWU
x66n+GACA/ufbXkAD9RGPAIhAKdcZemXUw26Q14sfh7dIFYP/49Mtu7fA9vdnt1w
jLd5
-----END CERTIFICATE-----
`,
}

/** Writes texts to files of `folder` by their names in `TlsFiles`. @returns their paths. */
export function tlsFiles(
  folder: string,
  { cert = CERTIFICATE.cert, key = CERTIFICATE.key, ...more }: Partial<TlsFiles> = {},
): TlsFiles {
  const texts = { cert, key, ...more }
  const paths = Object.entries(texts).map(
    ([name, text]) => [name, join(folder, `${name}.pem`), text] as const,
  )
  for (const [, path, text] of paths) writeFileSync(path, text!)
  return Object.fromEntries(paths.map(([name, path]) => [name, path])) as unknown as TlsFiles
}
